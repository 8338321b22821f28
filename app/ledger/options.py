"""Where the ledger is."""

from pydantic import Field

from app.options import Options


class LedgerOptions(Options):
    """One URL decides the implementation."""

    url: str = Field(
        "sqlite:///.forebay/ledger.db",
        pattern=r"^(sqlite:///.+|mongodb(\+srv)?://.+)$",
        description="sqlite:///path (one machine) or mongodb://… (production).",
    )
    database: str = Field("forebay", description="MongoDB database.")
    timeout_seconds: float = Field(10.0, gt=0)
