"""How to reach Redis: options, shared by the roles that use it."""

from typing import Any

from pydantic import Field, SecretStr

from app.options import Options


class RedisOptions(Options):
    """Where Redis is: locks of the scheduler, limits of the gateway. Losing it loses no data."""

    url: str = Field(
        "", description="redis://host:port/0, or rediss:// for TLS. Empty: the local stack's."
    )
    username: str = ""
    password: SecretStr = SecretStr("")
    ca_file: str = Field(
        "", description="PEM file of the certificate authority, for rediss://; empty: the system's."
    )
    cert_file: str = Field("", description="PEM file of our certificate, if Redis asks for one.")
    key_file: str = Field("", description="PEM file of its private key.")

    def client(self) -> dict[str, Any]:
        """Keyword arguments for `Redis.from_url`; where the URL says the same, it counts."""
        wanted = {"username": self.username, "password": self.password.get_secret_value()}
        if self.url.startswith("rediss:"):
            wanted |= {
                "ssl_ca_certs": self.ca_file,
                "ssl_certfile": self.cert_file,
                "ssl_keyfile": self.key_file,
            }
        return {name: value for name, value in wanted.items() if value}
