"""How to reach Kafka: options, shared by the roles, and the topics that contracts need."""

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from loguru import logger
from pydantic import Field, SecretStr

from app.contracts.topic_spec import TopicSpec as TopicSpec
from app.core.errors import Fatal, Transient
from app.kafka_errors import NAMES, kafka_errors, started, translated
from app.options import Options
from app.tls import context

if TYPE_CHECKING:  # importing aiokafka takes time that a short command should not spend
    from aiokafka.admin import AIOKafkaAdminClient


class KafkaOptions(Options):
    """Where the brokers are, and how to prove who we are."""

    brokers: str = Field(
        "", description="Comma-separated host:port. Empty: the local stack's broker."
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    username: str = Field("", description="For SASL.")
    password: SecretStr = SecretStr("")
    ca_file: str = Field(
        "", description="PEM file of the certificate authority, for SSL; empty: the system's."
    )
    cert_file: str = Field("", description="PEM file of our certificate, if brokers ask for one.")
    key_file: str = Field("", description="PEM file of its private key, if it is not in there too.")
    key_password: SecretStr = Field(SecretStr(""), description="Of the private key, if it has one.")
    replication_factor: int = Field(
        1, ge=1, description="For topics that Forebay creates: 3 in production."
    )
    request_timeout_seconds: float = Field(30.0, gt=0)

    @property
    def bootstrap(self) -> list[str]:
        return [broker.strip() for broker in self.brokers.split(",") if broker.strip()]

    def client(self) -> dict[str, Any]:
        """Keyword arguments that every aiokafka client takes.

        Raises:
            Fatal: no brokers are set, or a certificate can not be used.
        """
        if not self.bootstrap:
            raise Fatal(
                "KAFKA__BROKERS is not set, and no local stack runs: start one by `make up`"
            )
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.security_protocol,
            "request_timeout_ms": int(self.request_timeout_seconds * 1000),
        }
        if "SASL" in self.security_protocol:
            options |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password.get_secret_value(),
            }
        if "SSL" in self.security_protocol:
            options["ssl_context"] = context(
                NAMES,
                ca_file=self.ca_file,
                cert_file=self.cert_file,
                key_file=self.key_file,
                key_password=self.key_password.get_secret_value(),
            )
        elif self.ca_file or self.cert_file:
            raise Fatal(
                f"KAFKA__SECURITY_PROTOCOL is {self.security_protocol}, without TLS, and "
                "certificates are set: say SSL or SASL_SSL"
            )
        return options


async def ensure_topics(options: KafkaOptions, topics: Mapping[str, TopicSpec]) -> None:
    """Create the topics that are missing; return when each one has its leaders.

    Any number of processes may do this at the same time.

    Raises:
        Fatal: a topic exists with another number of partitions, or may not be created.
        Transient: Kafka can not be reached, or is not ready to create them.
    """
    from aiokafka.admin import AIOKafkaAdminClient

    admin = AIOKafkaAdminClient(**options.client())
    with kafka_errors("looking at the topics"):
        await started(admin, options)
        try:
            missing = sorted(set(topics) - set(_checked(await _partitions(admin), topics)))
            if missing:
                await _create(admin, {name: topics[name] for name in missing}, options)
                await _until_led(admin, topics, options.request_timeout_seconds)
        finally:
            await admin.close()


async def _partitions(admin: "AIOKafkaAdminClient") -> dict[str, list[int]]:
    """Each topic's partitions, as the broker ids of their leaders (-1: none yet)."""
    # Asking by name would create the topic on a broker that creates topics by itself.
    described = await admin.describe_topics(None)
    return {
        topic["topic"]: [partition["leader"] for partition in topic["partitions"]]
        for topic in described
        if topic["partitions"]
    }


def _checked(found: dict[str, list[int]], topics: Mapping[str, TopicSpec]) -> dict[str, list[int]]:
    wrong = [
        f"topic {name} has {len(found[name])} partitions, its contract wants {spec.partitions}"
        for name, spec in topics.items()
        if name in found and len(found[name]) != spec.partitions
    ]
    if wrong:
        raise Fatal(
            "; ".join(wrong) + ". Another number would send keys to other partitions: "
            "set kafka.size back, or raise the event's version, which makes a new topic"
        )
    return found


async def _create(
    admin: "AIOKafkaAdminClient", topics: Mapping[str, TopicSpec], options: KafkaOptions
) -> None:
    from aiokafka.admin import NewTopic
    from aiokafka.errors import TopicAlreadyExistsError, for_code

    wanted = [
        NewTopic(name, spec.partitions, options.replication_factor, topic_configs=dict(spec.config))
        for name, spec in topics.items()
    ]
    answer = await admin.create_topics(wanted)
    created = 0
    for name, code, message in answer.topic_errors:
        if code == 0:
            created += 1
            logger.debug("created topic {} with {} partitions", name, topics[name].partitions)
        elif code != TopicAlreadyExistsError.errno:  # another process was faster
            raise translated(for_code(code)(message), f"creating topic {name}")
    if created:
        logger.info("created {} topics", created)


async def _until_led(
    admin: "AIOKafkaAdminClient", topics: Mapping[str, TopicSpec], seconds: float
) -> None:
    deadline = time.monotonic() + seconds
    while True:
        found = _checked(await _partitions(admin), topics)
        unled = [name for name in topics if name not in found or -1 in found[name]]
        if not unled:
            return
        if time.monotonic() > deadline:
            raise Transient("no leader yet for " + ", ".join(unled))
        await asyncio.sleep(0.1)
