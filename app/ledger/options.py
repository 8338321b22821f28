"""Where the ledger is."""

from pydantic import Field, SecretStr

from app.options import Options


class LedgerOptions(Options):
    """One URL decides the implementation."""

    url: str = Field(
        "sqlite:///.forebay/ledger.db",
        pattern=r"^(sqlite:///.+|mongodb(\+srv)?://.+)$",
        description="sqlite:///path (one machine) or mongodb://… (production).",
    )
    username: str = Field("", description="For MongoDB, if the URL does not say it.")
    password: SecretStr = Field(SecretStr(""), description="If the URL does not say it.")
    ca_file: str = Field(
        "", description="PEM file of the certificate authority: MongoDB is asked for TLS then."
    )
    cert_file: str = Field(
        "", description="PEM file of our certificate and its private key, if MongoDB asks for one."
    )
    key_password: SecretStr = Field(SecretStr(""), description="Of the private key, if it has one.")
    database: str = Field("forebay", description="MongoDB database.")
    timeout_seconds: float = Field(10.0, gt=0)
