"""What the gateway lets through."""

from pydantic import Field

from app.options import Options


class GatewayOptions(Options):
    """Listening address and limits."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535, description="0 takes a free one.")
    max_body_bytes: int = Field(8 << 20, gt=0, description="Of one request, after decompression.")
    max_batch_events: int = Field(10_000, gt=0, description="In one request.")
    max_in_flight_bytes: int = Field(
        32 << 20, gt=0, description="Accepted and not yet acknowledged by Kafka; beyond: 429."
    )
    read_timeout_seconds: float = Field(
        15.0, gt=0, description="For a request's body to arrive; then 408."
    )
    linger_ms: int = Field(5, ge=0, description="How long an event waits for company.")
    publish_timeout_seconds: float = Field(
        10.0, gt=0, description="After this a request gets 503; its events may be sent again."
    )
    retry_after_seconds: int = Field(2, ge=1)
