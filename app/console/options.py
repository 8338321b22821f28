"""Who may do more than look."""

from pydantic import Field, SecretStr, field_validator

from app.options import Options

SHORTEST = 16


class ConsoleOptions(Options):
    """The console is served by the scheduler, at /console, and by `forebay console`."""

    token: SecretStr = Field(
        SecretStr(""),
        description="Asked for before anything is tried; 16 characters or more. Empty: the console "
        "only shows.",
    )

    @field_validator("token")
    @classmethod
    def _long_enough(cls, token: SecretStr) -> SecretStr:
        if 0 < len(token.get_secret_value()) < SHORTEST:
            raise ValueError(f"is short: make it {SHORTEST} characters or more")
        return token
