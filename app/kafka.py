"""How to reach Kafka: options, shared by the roles, and the topics that contracts need."""

from typing import Any, Literal

from pydantic import Field, SecretStr

from app.options import Options


class KafkaOptions(Options):
    """Where the brokers are, and how to prove who we are."""

    brokers: str = Field(
        "", description="Comma-separated host:port. Empty: the local stack's broker."
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    username: str = ""
    password: SecretStr = SecretStr("")
    ca_file: str = Field("", description="PEM file of the certificate authority, for SSL.")
    replication_factor: int = Field(
        1, ge=1, description="For topics that Forebay creates: 3 in production."
    )
    request_timeout_seconds: float = Field(30.0, gt=0)

    @property
    def bootstrap(self) -> list[str]:
        return [broker.strip() for broker in self.brokers.split(",") if broker.strip()]

    def client(self) -> dict[str, Any]:
        """Keyword arguments that every aiokafka client takes."""
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
            from aiokafka.helpers import create_ssl_context

            options["ssl_context"] = create_ssl_context(cafile=self.ca_file or None)
        return options
