"""Who we are to Snowflake. There is no password: key-pair only."""

from pathlib import Path

from pydantic import Field, SecretStr

from app.options import Options


class SnowflakeOptions(Options):
    """`stage` is an external stage over the bucket and prefix of `S3__…`."""

    account: str = ""
    user: str = ""
    private_key_file: Path | None = Field(None, description="PKCS#8, PEM.")
    private_key_passphrase: SecretStr = SecretStr("")
    role: str = ""
    warehouse: str = ""
    database: str = ""
    schema_name: str = Field("RAW", description="Holds the stage and the control tables.")
    stage: str = Field("FOREBAY", description="Name of the external stage.")
    storage_integration: str = Field(
        "", description="Makes the stage if it is missing; empty: the platform team makes it."
    )
    host: str = Field("", description="Only for private links and stand-ins.")
    port: int | None = None
    protocol: str = Field("https", pattern="^https?$")
    login_timeout_seconds: int = Field(30, gt=0)
    network_timeout_seconds: int = Field(300, gt=0)
