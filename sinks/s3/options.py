"""Where the bucket is."""

from pydantic import Field, SecretStr

from app.options import Options


class S3Options(Options):
    """Empty keys leave it to the usual AWS chain: environment, profile, instance role."""

    endpoint_url: str = Field("", description="Empty: AWS itself, or the local stack's server.")
    region: str = "us-east-1"
    bucket: str = "forebay"
    prefix: str = Field("", description="Put before every key, without slashes at the ends.")
    access_key_id: str = ""
    secret_access_key: SecretStr = SecretStr("")
    part_bytes: int = Field(5 << 20, ge=5 << 20, description="Of a multipart upload.")
    timeout_seconds: float = Field(
        30.0, gt=0, description="Of silence; a whole request may take four times as long."
    )

    @property
    def location(self) -> str:
        """The bucket and prefix as a URL, `s3://bucket/prefix/`."""
        return f"s3://{self.bucket}/{self.prefix}/" if self.prefix else f"s3://{self.bucket}/"
