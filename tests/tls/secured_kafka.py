"""The local Kafka with two more listeners: one takes TLS and a password, one TLS with our
certificate."""

from pathlib import Path
from typing import Any

from app.kafka import KafkaOptions
from app.local.kafka import LocalKafka
from app.local.ports import free_port
from tests.tls.certificates import KEY_PASSWORD, Certificates

USER, PASSWORD = "forebay", "of kafka's user"

SASL = "org.apache.kafka.common.security"
LISTENERS = """
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},\
SASL://127.0.0.1:{sasl_port},MUTUAL://127.0.0.1:{mutual_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},\
SASL://127.0.0.1:{sasl_port},MUTUAL://127.0.0.1:{mutual_port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_SSL,MUTUAL:SSL
listener.name.sasl.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.sasl.plain.sasl.jaas.config={sasl}.plain.PlainLoginModule required \
user_{user}="{password}";
listener.name.sasl.scram-sha-512.sasl.jaas.config={sasl}.scram.ScramLoginModule required;
listener.name.mutual.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={ca}
"""


class SecuredKafka(LocalKafka):
    """Knows one user, and takes the certificates of one authority."""

    format_options = (f"--add-scram=SCRAM-SHA-512=[name={USER},password={PASSWORD}]",)

    def __init__(self, data_dir: Path, *, log_file: Path, files: Certificates) -> None:
        super().__init__(data_dir, log_file=log_file)
        self.sasl_port, self.mutual_port = free_port(), free_port()
        self._files = files

    def properties(self, logs: Path) -> str:
        return super().properties(logs) + LISTENERS.format(
            port=self.port,
            controller=self.controller_port,
            sasl_port=self.sasl_port,
            mutual_port=self.mutual_port,
            sasl=SASL,
            user=USER,
            password=PASSWORD,
            keystore=self._files.server_pair,
            ca=self._files.ca,
        )

    def with_password(self, mechanism: str = "SCRAM-SHA-512", **changes: Any) -> KafkaOptions:
        """Right ones, but for the changes."""
        return self._options(
            {
                "brokers": f"127.0.0.1:{self.sasl_port}",
                "security_protocol": "SASL_SSL",
                "sasl_mechanism": mechanism,
                "username": USER,
                "password": PASSWORD,
            }
            | changes
        )

    def with_certificate(self, **changes: Any) -> KafkaOptions:
        """Right ones, but for the changes."""
        return self._options(
            {
                "brokers": f"127.0.0.1:{self.mutual_port}",
                "security_protocol": "SSL",
                "cert_file": str(self._files.client),
                "key_file": str(self._files.client_key),
                "key_password": KEY_PASSWORD,
            }
            | changes
        )

    def _options(self, given: dict[str, Any]) -> KafkaOptions:
        usual = {"ca_file": str(self._files.ca), "request_timeout_seconds": 10}
        return KafkaOptions.model_validate(usual | given)
