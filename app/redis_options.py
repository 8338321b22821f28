"""How to reach Redis: options, shared by the roles that use it."""

from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from app.core.errors import Fatal
from app.options import Options
from app.tls import Names, context

NAMES = Names(
    server="REDIS__URL",
    ca="REDIS__CA_FILE",
    ours="REDIS__CERT_FILE, REDIS__KEY_FILE, REDIS__KEY_PASSWORD",
)
BAD_URL = (
    "REDIS__URL can not be read: say redis://host:port/0 or rediss://host:port/0. In a password "
    "there, what is special is percent-encoded; or set REDIS__USERNAME and REDIS__PASSWORD"
)
"""An error's own text would quote the URL, and a password in it."""


class RedisOptions(Options):
    """Where Redis is: locks of the scheduler, limits of the gateway. Losing it loses no data."""

    url: str = Field(
        "", description="redis://host:port/0, or rediss:// for TLS. Empty: the local stack's."
    )
    username: str = Field("", description="If the URL does not say it.")
    password: SecretStr = Field(SecretStr(""), description="If the URL does not say it.")
    ca_file: str = Field(
        "", description="PEM file of the certificate authority, for rediss://; empty: the system's."
    )
    cert_file: str = Field("", description="PEM file of our certificate, if Redis asks for one.")
    key_file: str = Field("", description="PEM file of its private key, if it is not in there too.")
    key_password: SecretStr = Field(SecretStr(""), description="Of the private key, if it has one.")

    def client(self) -> dict[str, Any]:
        """Keyword arguments for `Redis.from_url`; where the URL says the same, it counts.

        Raises:
            Fatal: the URL can not be read, or a certificate not be used.
        """
        try:
            urlsplit(self.url).port  # noqa: B018
        except ValueError:
            raise Fatal(BAD_URL) from None
        wanted = {"username": self.username, "password": self.password.get_secret_value()}
        if self.url.startswith("rediss:"):
            key_password = self.key_password.get_secret_value()
            # The client reads the files at its first connection only, and does not say which.
            context(
                NAMES,
                ca_file=self.ca_file,
                cert_file=self.cert_file,
                key_file=self.key_file,
                key_password=key_password,
            )
            wanted |= {
                "ssl_ca_certs": self.ca_file,
                "ssl_certfile": self.cert_file,
                "ssl_keyfile": self.key_file,
                "ssl_password": key_password,
            }
        elif self.ca_file or self.cert_file:
            raise Fatal("REDIS__URL asks for no TLS, and certificates are set: say rediss://…")
        return {name: value for name, value in wanted.items() if value}
