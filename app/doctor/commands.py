"""Kafka's own commands, word for word, to be pasted by who may administer the cluster."""

import json
import shlex
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from app.kafka import KafkaOptions

ADMIN = "admin.properties"
"""The administrator's settings for Kafka's commands: with ours they would be refused."""

MOVES = "replicas.json"
SPECIAL = frozenset(',=+<>#;"\\')
"""What Java writes with a backslash in a certificate's name, wherever it stands."""


class Commands(NamedTuple):
    """`where` are the words that reach the cluster, `principal` is who we are to it."""

    where: tuple[str, ...]
    principal: str

    def allow(self, operations: Iterable[str], *resource: str) -> str:
        """Let us do this with a resource, such as `--topic events.order_placed.v1`."""
        words = [word for operation in operations for word in ("--operation", operation)]
        whom = ("--add", "--allow-principal", self.principal)
        return self._line("kafka-acls.sh", *whom, *words, *resource)

    def configure(self, topic: str, key: str, value: object) -> str:
        setting = ("--add-config", f"{key}={value}")
        return self._line("kafka-configs.sh", "--alter", "--topic", topic, *setting)

    def replicate(self, topic: str, placed: Sequence[Collection[int]]) -> str:
        """Put each partition of a topic on these brokers, in the order of its partitions."""
        moves = [
            {"topic": topic, "partition": number, "replicas": list(brokers)}
            for number, brokers in enumerate(placed)
        ]
        plan = json.dumps({"version": 1, "partitions": moves}, separators=(",", ":"))
        move = ("--execute", "--reassignment-json-file", MOVES)
        return (
            f"{shlex.join(['echo', plan])} > {MOVES} && "
            f"{self._line('kafka-reassign-partitions.sh', *move)}"
        )

    def _line(self, command: str, *words: str) -> str:
        return shlex.join([command, *self.where, *words])


def commands_for(options: KafkaOptions) -> Commands:
    """Those for the cluster and the user of these options.

    Without a password and without TLS everybody may come, the administrator too.
    """
    where = ["--bootstrap-server", ",".join(options.bootstrap)]
    if options.security_protocol != "PLAINTEXT":
        where += ["--command-config", ADMIN]
    return Commands(tuple(where), _principal(options))


def _principal(options: KafkaOptions) -> str:
    """As brokers name us that have no rules of their own for it."""
    if "SASL" in options.security_protocol:
        return f"User:{options.username}"
    if options.security_protocol == "SSL" and options.cert_file:
        return f"User:{_subject(Path(options.cert_file))}"
    return "User:ANONYMOUS"


def _subject(certificate: Path) -> str:
    """The subject of the first certificate in a PEM file, which a client has used already: the last
    name first, and written as Java does."""
    from cryptography.x509 import load_pem_x509_certificate

    subject = load_pem_x509_certificate(certificate.read_bytes()).subject
    return ",".join(
        "+".join(f"{a.rfc4514_attribute_name}={_escaped(str(a.value))}" for a in part)
        for part in reversed(subject.rdns)
    )


def _escaped(value: str) -> str:
    return "".join(f"\\{letter}" if letter in SPECIAL else letter for letter in value)
