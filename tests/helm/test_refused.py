"""What helm refuses, and what it says then: each of these would go wrong later otherwise."""

import pytest

from .rendering import Refused, template

GRACE = "terminationGracePeriodSeconds is"
# options, and a part of what is said
WRONG = {
    "an unknown name": ("replicaz=3", "additional properties 'replicaz' not allowed"),
    "an unknown name of a role": ("roles.worker.replica=3", "'replica' not allowed"),
    "a role that there is not": ("roles.loader.enabled=true", "'loader' not allowed"),
    "a misspelt setting": ("settings.KAFKA__BROKRS=a", "'KAFKA__BROKRS' not allowed"),
    "a setting's wrong value": ("settings.LOG__LEVEL=loud", "/settings/LOG__LEVEL"),
    "a setting out of bounds": ("settings.S3__PART_BYTES=5", "/settings/S3__PART_BYTES"),
    "a role's wrong setting": ("roles.gateway.settings.A=1", "'A' not allowed"),
    "a secret among the settings": ("settings.PII_KEY=hunter2", "'PII_KEY' not allowed"),
    "a password in a URL": ("settings.LEDGER__URL=mongodb://a:b@c/", "/settings/LEDGER__URL"),
    "a setting of the chart's": ("settings.GATEWAY__PORT=1", "'GATEWAY__PORT' not allowed"),
    "a kill point": ("settings.CRASH_AT=x", "'CRASH_AT' not allowed"),
    "a secret that is no setting": (
        "secrets.external.data.KAFKA__PASWORD.key=a", "'KAFKA__PASWORD' not allowed",
    ),
    "external secrets of no store": ("secrets.external.enabled=true", "/secrets/external"),
    "an ingress without a host": ("ingress.enabled=true", "/ingress/hosts"),
    "a route without a gateway": ("httpRoute.enabled=true", "/httpRoute/parentRefs"),
    "metrics for everybody": ("publicPaths[0]=/metrics", "/publicPaths/0"),
    "root": ("securityContext.runAsUser=0", "/securityContext/runAsUser"),
    "a volume of a Deployment": ("roles.gateway.data.kind=volume", "/roles/gateway"),
    "a port that needs root": ("roles.gateway.port=80", "/roles/gateway/port"),
    "a digest that is none": ("image.digest=latest", "/image/digest"),
    "leaving in no time": ("roles.gateway.terminationGracePeriodSeconds=35", GRACE),
    "draining for long": ("roles.worker.drainSeconds=90", GRACE),
    "no brokers": ("settings.KAFKA__BROKERS=", "settings.KAFKA__BROKERS is missing"),
    "a warehouse in a file": ("settings.WAREHOUSE=duckdb", "pods need snowflake"),
    "a ledger in a file": ("settings.LEDGER__URL=sqlite:///a", "pods need mongodb"),
    "no ledger": ("secrets.existingSecret=", "has no ledger"),
    "nobody who may send": ("keys.existingSecret=", "forebay keys new"),
    "lag that nobody may ask for": (
        "roles.worker.autoscaling.kind=keda,settings.KAFKA__SECURITY_PROTOCOL=SASL_SSL",
        "authenticationRef is missing",
    ),
    "lag of a gateway": (
        "roles.gateway.autoscaling.kind=keda,roles.gateway.autoscaling.partitions=1,"
        "roles.gateway.autoscaling.lag=1", "it is for the worker",
    ),
    "at least more than at most": ("roles.gateway.autoscaling.maxReplicas=1", "minReplicas"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_it_is_refused_and_named(what: str) -> None:
    values, said = WRONG[what]
    with pytest.raises(Refused) as refused:
        template("--set", values)
    assert said in str(refused.value)


def test_a_front_door_without_a_gateway_is_refused() -> None:
    with pytest.raises(Refused, match=r"roles\.gateway\.enabled is false"):
        template("--set", "ingress.enabled=true,ingress.hosts[0]=a.example", case="no-gateway")
