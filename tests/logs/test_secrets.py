"""All secrets among the settings are known as such."""

import pytest

from app.settings import Settings, secrets_of


def test_secret_values_and_the_passwords_of_urls_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {
        "PII_KEY": "the key of hashes",
        "KAFKA__PASSWORD": "of kafka",
        "S3__SECRET_ACCESS_KEY": "of s3",
        "SNOWFLAKE__PRIVATE_KEY_PASSPHRASE": "of snowflake",
        "SENTRY__DSN": "https://key@sentry/1",
        "REDIS__URL": "redis://:of%20redis@host:6379/0",
        "LEDGER__URL": "mongodb://user:of-mongo@host/x",
        "S3__ENDPOINT_URL": "http://host:8333",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    found = set(secrets_of(Settings()))
    assert found >= {
        "the key of hashes", "of kafka", "of s3", "of snowflake", "https://key@sentry/1",
        "of%20redis", "of redis", "of-mongo",
    }  # fmt: skip
    assert not found & {"http://host:8333", "host", "user"}
