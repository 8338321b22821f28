"""What the gateway lets through."""

from pydantic import Field

from app.options import Options


class GatewayOptions(Options):
    """Listening address and limits."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535, description="0 takes a free one.")
    keys_file: str = Field(
        "",
        description="YAML or JSON file of the keys that may send (`forebay keys new`), read again "
        "when it changes. Without one only this machine may.",
    )
    open: bool = Field(
        False, description="Without keys listen to other machines too: something in front checks."
    )
    cors_origins: str = Field(
        "",
        description="Comma-separated origins whose pages may send (https://…); * for all.",
    )
    events_per_second: float | None = Field(
        None, gt=0, description="Of one source, unless its keys say otherwise; beyond: 429."
    )
    bytes_per_second: float | None = Field(
        None, gt=0, description="The same, in bytes of bodies after decompression."
    )
    max_body_bytes: int = Field(8 << 20, gt=0, description="Of one request, after decompression.")
    max_batch_events: int = Field(10_000, gt=0, description="In one request.")
    max_in_flight_bytes: int = Field(
        32 << 20,
        gt=0,
        description="Taken in and not yet acknowledged by Kafka; beyond: 429. No type may hold "
        "more of it than is still free.",
    )
    max_wait_ms: int = Field(
        500,
        ge=0,
        description="Of work before a request, in CPU time; if there is more: 503, at once.",
    )
    max_connections: int = Field(
        1_000, gt=0, description="Kept open at once; of more, only GET requests are answered."
    )
    backlog: int = Field(
        1_024, gt=0, description="Connections that the system holds until they are taken."
    )
    read_timeout_seconds: float = Field(
        15.0, gt=0, description="For a request's body to arrive; then 408."
    )
    head_timeout_seconds: float = Field(
        10.0, gt=0, description="For a request's head, from its first byte to its last; then 408."
    )
    idle_timeout_seconds: float = Field(
        75.0,
        gt=0,
        description="A connection is closed that asks for nothing so long; more than the load "
        "balancer's, or it will send requests into closing connections.",
    )
    linger_ms: int = Field(10, ge=0, description="How long an event waits for company.")
    publish_timeout_seconds: float = Field(
        10.0, gt=0, description="After this a request gets 503; its events may be sent again."
    )
    retry_after_seconds: int = Field(2, ge=1)
    receipts: bool = Field(
        False,
        description="Answer GET /v1/events/{type}/{key}: takes LEDGER__…, S3__… and the "
        "warehouse's settings, as the scheduler has them, and 20 to 50 MB of memory.",
    )
    runs: bool = Field(
        False,
        description="Open and close declared runs, and take their events; takes the LEDGER__… "
        "settings of the workers.",
    )
    receipt_timeout_seconds: float = Field(10.0, gt=0, description="For one receipt; then 504.")
