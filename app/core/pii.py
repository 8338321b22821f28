"""Keyed hashes of personal data: equal values stay joinable, and nobody can read them back."""

import hashlib
import hmac
from typing import Literal

Pii = Literal["keep", "hash", "drop"]  # from the weakest decision to the strongest
HASHABLE = ("string", "uuid", "integer")  # contract types whose equal values are written alike
PII_KEY = "PII_KEY"  # the environment variable that holds the key
MIN_KEY_BYTES = 16
HASH_LENGTH = 8 + 1 + 64


class PiiHash:
    """HMAC-SHA-256 with the key's id in front, `1f0c9e5a:…`, so that a rotated key shows."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._id = hashlib.sha256(b"forebay pii key id\0" + key).hexdigest()[:8]

    def __call__(self, text: str) -> str:
        return f"{self._id}:{hmac.digest(self._key, text.encode(), 'sha256').hex()}"


def strongest(*decisions: Pii) -> Pii:
    """What holds for a value that was made of several."""
    return max(decisions, key=("keep", "hash", "drop").index)
