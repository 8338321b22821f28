"""What a peer is told, in environment variables, all peers the same."""

import os

PORT = int(os.environ.get("PORT", "0"))
BROKERS = os.environ.get("BROKERS", "")
TOPICS = [name for name in os.environ.get("TOPICS", "").split(",") if name]
EVENTS = int(os.environ.get("EVENTS", "0"))
GROUP = os.environ.get("GROUP", "")
FOLDER = os.environ.get("FOLDER", ".")
PREFIX = os.environ.get("PREFIX", "")
S3 = {
    "endpoint_url": os.environ.get("S3_ENDPOINT"),
    "region_name": os.environ.get("S3_REGION"),
    "aws_access_key_id": os.environ.get("S3_ACCESS_KEY"),
    "aws_secret_access_key": os.environ.get("S3_SECRET_KEY"),
}
BUCKET = os.environ.get("S3_BUCKET", "")
OBJECT_BYTES = 16 << 20
"""Of text before gzip; then an object is written."""
