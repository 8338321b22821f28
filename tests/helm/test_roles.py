"""What the objects of the chart are for."""

import json
from pathlib import Path

import pytest
import yaml

from app.contracts.model import SIZES

from .rendering import (
    CASES,
    environment,
    objects,
    of_kind,
    only,
    pods,
    rendered,
    template,
)
from .settings_schema import CHART

ROLES = {"gateway": "Deployment", "worker": "StatefulSet", "scheduler": "Deployment"}


@pytest.mark.parametrize("case", CASES)
def test_no_pod_may_do_more_than_it_must(case: str) -> None:
    for where, pod in pods(rendered(case)):
        (container,) = pod["containers"]
        assert pod["automountServiceAccountToken"] is False, where
        assert pod["securityContext"]["runAsNonRoot"] is True, where
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, where
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, where
        assert "memory" in container["resources"]["limits"], where
        assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"], where
        mounted = {one["name"] for one in container["volumeMounts"]}
        claimed = {"data"} if where.startswith("StatefulSet") else set()
        assert mounted == {one["name"] for one in pod["volumes"]} | claimed, where


@pytest.mark.parametrize("case", CASES)
def test_a_role_is_given_longer_than_it_drains(case: str) -> None:
    for where, pod in pods(rendered(case)):
        if where.startswith("Job"):
            continue
        (container,) = pod["containers"]
        serving = (
            container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        )
        drain = float(environment(pod)["DRAIN_SECONDS"])
        assert pod["terminationGracePeriodSeconds"] > serving + drain, where


def test_the_three_roles_are_one_template_and_fit_in_256_mb() -> None:
    found = rendered("smallest")
    for role, kind in ROLES.items():
        pod = only(found, kind, role)["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert environment(pod)["ROLE"] == role
        assert environment(pod)[f"{role.upper()}__HOST"] == "0.0.0.0"
        assert container["args"] == ["run"]
        assert container["resources"]["limits"]["memory"] == "256Mi"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
        assert only(found, "PodDisruptionBudget", role)["spec"]["maxUnavailable"] == 1
        assert len(pod["topologySpreadConstraints"]) == 2
        port = container["ports"][0]["containerPort"]
        assert environment(pod)[f"{role.upper()}__PORT"] == str(port)
        assert only(found, "Service", role)["spec"]["ports"][0]["targetPort"] == "http"
    assert only(found, "Deployment", "scheduler")["spec"]["replicas"] == 2


def test_a_gateway_that_leaves_serves_until_nobody_is_sent_to_it_any_more() -> None:
    deployment = only(rendered("smallest"), "Deployment", "gateway")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["lifecycle"]["preStop"] == {"sleep": {"seconds": 10}}
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert "replicas" not in deployment["spec"]  # are the autoscaler's
    scaler = only(rendered("smallest"), "HorizontalPodAutoscaler", "gateway")["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 20)


def test_a_worker_keeps_its_tables_on_a_disk_of_its_own() -> None:
    worker = only(rendered("smallest"), "StatefulSet", "worker")["spec"]
    (claim,) = worker["volumeClaimTemplates"]
    pod = worker["template"]["spec"]
    assert claim["metadata"]["name"] == "data"
    assert {"name": "data", "mountPath": "/data"} in pod["containers"][0]["volumeMounts"]
    assert environment(pod)["WORKER__DATA_DIR"] == "/data"
    assert environment(pod)["WORKER__INSTANCE"] == "metadata.name"
    assert worker["replicas"] == 3


@pytest.mark.parametrize(("case", "most"), [("whole", 24), ("lag", 12)])
def test_there_are_never_more_workers_than_partitions(case: str, most: int) -> None:
    scaled = only(rendered(case), "ScaledObject", "worker")["spec"]
    assert scaled["maxReplicaCount"] == most <= max(SIZES.values())
    worker = only(rendered(case), "StatefulSet", "worker")
    assert scaled["scaleTargetRef"]["name"] == worker["metadata"]["name"]
    assert "replicas" not in worker["spec"]


def test_the_lag_is_that_of_the_group_that_the_workers_are_in() -> None:
    (trigger,) = only(rendered("lag"), "ScaledObject", "worker")["spec"]["triggers"]
    pod = only(rendered("lag"), "StatefulSet", "worker")["spec"]["template"]["spec"]
    assert trigger["metadata"]["consumerGroup"] == environment(pod)["WORKER__APP_ID"]
    assert trigger["metadata"]["bootstrapServers"] == environment(pod)["KAFKA__BROKERS"]
    assert trigger["metadata"]["lagThreshold"] == "5000000"
    (asked,) = only(rendered("whole"), "ScaledObject", "worker")["spec"]["triggers"]
    assert asked["authenticationRef"] == {"name": "kafka"}


def test_a_changed_topic_rolls_every_role_and_nothing_else_does() -> None:
    def sums(text: str) -> set[str]:
        options = ("--set-string", f"topics.files.page_opened\\.yaml={text}")
        found = objects(template(*options))
        return {
            one["spec"]["template"]["metadata"]["annotations"]["checksum/topics"]
            for kind in ("Deployment", "StatefulSet")
            for one in of_kind(found, kind)
        }

    before, again, after = sums("event: page_opened"), sums("event: page_opened"), sums("changed")
    assert len(before) == len(after) == 1
    assert before == again != after


def test_topics_are_applied_before_the_roles_are_changed_from_files_of_its_own() -> None:
    found = rendered("whole")
    job = only(found, "Job", "topics-apply")
    (volume,) = [v for v in job["spec"]["template"]["spec"]["volumes"] if v["name"] == "topics"]
    files = only(found, "ConfigMap", volume["configMap"]["name"])
    assert job["spec"]["template"]["spec"]["containers"][0]["args"] == ["topics", "apply"]
    for one in (job, files):
        assert one["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    weight = "helm.sh/hook-weight"
    assert int(files["metadata"]["annotations"][weight]) < int(
        job["metadata"]["annotations"][weight]
    )
    assert files["data"] == only(found, "ConfigMap", "forebay-topics")["data"]
    items = {one["path"]: files["data"][one["key"]] for one in volume["configMap"]["items"]}
    assert items["shop/order_placed.yaml"] == "event: order_placed\nversion: 1\n"
    late = only(rendered("external"), "Job", "topics-apply")  # its Secret is made by the install
    assert late["metadata"]["annotations"]["helm.sh/hook"] == "post-install,pre-upgrade"
    assert of_kind(rendered("topics-by-hand"), "Job") == []


def test_secrets_are_mounted_and_never_in_the_environment() -> None:
    for role, secret in (("gateway", "forebay-settings"), ("scheduler", "forebay-scheduler")):
        pod = only(rendered("whole"), "Deployment", role)["spec"]["template"]["spec"]
        (volume,) = [v for v in pod["volumes"] if v["name"] == "secrets"]
        assert volume["secret"]["secretName"] == secret
        assert environment(pod)["SECRETS_DIR"] == "/etc/forebay/secrets"
    external = only(rendered("external"), "ExternalSecret", "settings")["spec"]
    pod = only(rendered("external"), "StatefulSet", "worker")["spec"]["template"]["spec"]
    assert external["target"]["name"] in json.dumps(pod["volumes"])
    assert [one["secretKey"] for one in external["data"]] == ["LEDGER__URL", "PII_KEY"]


def test_a_role_s_own_setting_counts_before_the_common_one_also_when_it_is_false() -> None:
    values = "settings.GATEWAY__RECEIPTS=true,roles.gateway.settings.GATEWAY__RECEIPTS=false"
    found = objects(template("--set", values))
    said = {
        kind: environment(only(found, kind, role)["spec"]["template"]["spec"])["GATEWAY__RECEIPTS"]
        for role, kind in (("gateway", "Deployment"), ("worker", "StatefulSet"))
    }
    assert said == {"Deployment": "false", "StatefulSet": "true"}


def test_only_the_gateway_is_reached_unless_somebody_measures() -> None:
    policies = {
        p["metadata"]["name"]: p["spec"] for p in of_kind(rendered("smallest"), "NetworkPolicy")
    }
    assert policies["events-forebay-gateway"]["ingress"] == [{"ports": [{"port": "http"}]}]
    for role in ("worker", "scheduler", "topics"):
        assert policies[f"events-forebay-{role}"]["ingress"] == []
    whole = {p["metadata"]["name"]: p["spec"] for p in of_kind(rendered("whole"), "NetworkPolicy")}
    assert len(whole["forebay-gateway"]["ingress"][0]["from"]) == 2
    assert len(whole["forebay-worker"]["ingress"][0]["from"]) == 1
    assert whole["forebay-worker"]["egress"][-1]["ports"][0] == {"port": 53, "protocol": "UDP"}
    assert of_kind(rendered("gateway-alone"), "NetworkPolicy") == []


def test_from_outside_only_the_public_paths_are_reached() -> None:
    (rule,) = only(rendered("whole"), "Ingress", "gateway")["spec"]["rules"]
    assert [one["path"] for one in rule["http"]["paths"]] == ["/v1/", "/docs", "/openapi.json"]
    (matched,) = only(rendered("gateway-api"), "HTTPRoute", "gateway")["spec"]["rules"]
    assert [one["path"]["value"] for one in matched["matches"]] == ["/v1/"]


def test_alerts_and_dashboard_are_those_that_the_metrics_make() -> None:
    rules = only(rendered("measured"), "PrometheusRule", "forebay")["spec"]
    assert rules == yaml.safe_load((CHART / "files/alerts.yaml").read_text("utf-8"))
    (dashboard,) = [
        c for c in of_kind(rendered("measured"), "ConfigMap") if "dash" in str(c["metadata"])
    ]
    assert dashboard["data"]["forebay.json"] == (CHART / "files/dashboard.json").read_text("utf-8")
    monitor = only(rendered("measured"), "ServiceMonitor", "forebay")["spec"]
    (endpoint,) = monitor["endpoints"]
    assert (endpoint["port"], endpoint["path"], endpoint["interval"]) == ("http", "/metrics", "15s")
    for service in of_kind(rendered("measured"), "Service"):
        assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()


def test_a_package_of_the_chart_has_what_the_templates_read(tmp_path: Path) -> None:
    from .binary import helm

    assert helm("package", str(CHART), "--destination", str(tmp_path)).returncode == 0
    (packed,) = tmp_path.glob("forebay-*.tgz")
    made = helm(
        "template", "events", str(packed), "--namespace", "data", "--values",
        str(Path(__file__).parent / "cases/measured.yaml"),
    )  # fmt: skip
    assert made.stdout == template(case="measured")
