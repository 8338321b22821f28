"""Being let in by a real broker, or not, with the setting to correct."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.core.errors import Fatal, Transient
from app.kafka import KafkaOptions, TopicSpec, ensure_topics
from app.kafka_group import partitions_read
from app.kafka_logs import kafka_logs
from tests.gateway.orders import all_records, opened, order, order_type
from tests.tls.certificates import Certificates
from tests.tls.secured_kafka import SecuredKafka

WAYS: dict[str, Callable[[SecuredKafka], KafkaOptions]] = {
    "SCRAM-SHA-512": lambda kafka: kafka.with_password("SCRAM-SHA-512"),
    "PLAIN": lambda kafka: kafka.with_password("PLAIN"),
    "certificate": lambda kafka: kafka.with_certificate(),
}


@pytest.mark.parametrize("way", WAYS)
async def test_a_gateway_sends_and_the_others_see_it(secured: SecuredKafka, way: str) -> None:
    options, kind = WAYS[way](secured), order_type()
    async with opened(options, kind) as client:
        answer = await client.post("/v1/events/order_placed", order("A-17"))
        assert answer.statuses == ["accepted"]
    assert [record.key for record in await all_records(options, kind.topic)] == [b"A-17"]
    assert sum(log.end for log in (await kafka_logs(options)([kind.topic])).values()) == 1
    assert await partitions_read(options, "nobody") == frozenset()


async def refusal(options: KafkaOptions, unique: str) -> tuple[type[BaseException], str]:
    with pytest.raises((Fatal, Transient)) as raised:
        await ensure_topics(options, {unique: TopicSpec(1)})
    return raised.type, str(raised.value)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
async def test_a_wrong_password_is_told_with_its_setting_and_never_shown(
    secured: SecuredKafka, unique: str, mechanism: str
) -> None:
    kind, said = await refusal(secured.with_password(mechanism, password="xanthippe"), unique)
    assert kind is Fatal
    assert "KAFKA__PASSWORD" in said
    assert "xanthippe" not in said


async def test_a_broker_of_another_authority_or_name_is_not_spoken_to(
    secured: SecuredKafka, other_files: Certificates, unique: str
) -> None:
    for options, setting in (
        (secured.with_password(ca_file=str(other_files.ca)), "KAFKA__CA_FILE"),
        (secured.with_password(ca_file=""), "KAFKA__CA_FILE"),
        (secured.with_password(brokers=f"localhost:{secured.sasl_port}"), "KAFKA__BROKERS"),
    ):
        kind, said = await refusal(options, unique)
        assert (kind, setting in said) == (Transient, True), said
    with pytest.raises(Transient, match="KAFKA__CA_FILE"):
        await kafka_logs(secured.with_password(ca_file=str(other_files.ca)))([unique])


async def test_our_certificate_has_to_be_one_that_the_broker_takes(
    secured: SecuredKafka, other_files: Certificates, unique: str
) -> None:
    for changes in (
        {"cert_file": "", "key_file": ""},
        {"cert_file": str(other_files.client_pair), "key_file": ""},
    ):
        kind, said = await refusal(secured.with_certificate(**changes), unique)
        assert (kind, "KAFKA__CERT_FILE" in said) == (Transient, True), said


async def test_another_protocol_than_the_brokers_is_told(
    secured: SecuredKafka, unique: str
) -> None:
    plain = {"security_protocol": "PLAINTEXT", "ca_file": ""}
    unlocked = f"127.0.0.1:{secured.port}"
    for options in (
        secured.with_password(**plain),
        secured.with_password(brokers=unlocked),
        secured.with_password(brokers=unlocked, ca_file="", security_protocol="SASL_PLAINTEXT"),
        secured.with_password(brokers=unlocked, security_protocol="SASL_PLAINTEXT"),
    ):
        _, said = await refusal(options, unique)
        assert "KAFKA__SECURITY_PROTOCOL" in said, said


@pytest.mark.parametrize(
    ("setting", "changes"),
    [
        ("KAFKA__CA_FILE", {"ca_file": "/nowhere.pem"}),
        ("KAFKA__CA_FILE", {"ca_file": __file__}),
        ("KAFKA__CERT_FILE", {"cert_file": "/nowhere.pem"}),
        ("KAFKA__CERT_FILE", {"cert_file": ""}),
        ("KAFKA__KEY_FILE", {"key_file": ""}),
        ("KAFKA__KEY_PASSWORD", {"key_password": "xanthippe"}),
        ("KAFKA__KEY_PASSWORD", {"key_password": ""}),
    ],
)
def test_a_file_that_can_not_be_used_is_told_before_anything_is_sent(
    files: Certificates, setting: str, changes: dict[str, str]
) -> None:
    options = SecuredKafka(Path(), log_file=Path(), files=files).with_certificate(**changes)
    with pytest.raises(Fatal, match=setting) as raised:
        options.client()
    assert "xanthippe" not in str(raised.value)


def test_a_role_with_a_wrong_password_ends_with_a_sentence_that_names_the_setting(
    secured: SecuredKafka, tmp_path: Path
) -> None:
    """From a file; and a file that is there does not make the password known to anyone."""
    (tmp_path / "KAFKA__PASSWORD").write_text("xanthippe\n")
    options = secured.with_password()
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "run"],
        env={
            "ROLE": "gateway",
            "GATEWAY__PORT": "0",
            "LOG__LEVEL": "DEBUG",
            "SECRETS_DIR": str(tmp_path),
            "PII_KEY": "a key of the tests, long enough for all hashes",
            "KAFKA__BROKERS": options.brokers,
            "KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA__SASL_MECHANISM": "PLAIN",
            "KAFKA__USERNAME": options.username,
            "KAFKA__CA_FILE": options.ca_file,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert "KAFKA__PASSWORD" in said
    assert "xanthippe" not in said
