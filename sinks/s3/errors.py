"""What an S3 error means for us: one table."""

from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from app.core.errors import Fatal, Transient

KEYS = "check S3__ACCESS_KEY_ID and S3__SECRET_ACCESS_KEY"
BUCKET = "create the bucket, or correct S3__BUCKET and S3__ENDPOINT_URL"
RIGHTS = "allow this identity to list, get, put and delete in S3__BUCKET"
PLACE = "the bucket is elsewhere: correct S3__REGION"

WHAT_TO_DO = {
    "NoSuchBucket": BUCKET,
    "404": BUCKET,
    "InvalidBucketName": "correct S3__BUCKET",
    "AccessDenied": RIGHTS,
    "AllAccessDisabled": RIGHTS,
    "403": f"{KEYS}, and that they may use S3__BUCKET",
    "InvalidAccessKeyId": KEYS,
    "SignatureDoesNotMatch": KEYS,
    "InvalidToken": KEYS,
    "ExpiredToken": "the credentials have run out: provide new ones",
    "PermanentRedirect": PLACE,
    "AuthorizationHeaderMalformed": PLACE,
    "301": PLACE,
    "QuotaExceeded": "make room, or raise the quota of S3__BUCKET",
}
MISSING = ("404", "NoSuchKey")
PASSING_CODES = {
    "BadDigest",
    "IncompleteBody",
    "OperationAborted",
    "RequestTimeout",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
}
CLOCK = "RequestTimeTooSkewed"
PASSING = (
    boto.ConnectionError,
    boto.HTTPClientError,
    boto.IncompleteReadError,
    boto.ChecksumError,
    boto.CredentialRetrievalError,
    boto.MetadataRetrievalError,
    ResponseParserError,
    aiohttp.ClientError,
    OSError,
)
NO_CREDENTIALS = (boto.NoCredentialsError, boto.PartialCredentialsError, boto.ProfileNotFound)


def code_of(error: boto.ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def meaning(code: str, status: int, message: str, what: str) -> Fatal | Transient:
    """Translate an S3 error code; `what` says what was tried, on which key."""
    text = f"S3: {what}: {code} {message}".rstrip()
    if code in WHAT_TO_DO:
        return Fatal(f"{text}: {WHAT_TO_DO[code]}")
    if code == CLOCK:  # it is usually set right soon, by whatever keeps it
        return Transient(f"{text}: set this machine's clock right")
    if code in PASSING_CODES or status == 429 or status >= 500:
        return Transient(text)
    return Fatal(f"{text}: check the S3__… variables, and what this S3 server supports")


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise `Transient` or `Fatal` for whatever botocore and aiohttp raise inside."""
    try:
        yield
    except boto.ClientError as error:
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        message = str(error.response.get("Error", {}).get("Message", ""))
        raise meaning(code_of(error), status, message, what) from error
    except NO_CREDENTIALS as error:
        raise Fatal(f"S3: {what}: {error}: {KEYS}, or give an AWS profile or role") from error
    except PASSING as error:
        raise Transient(f"S3: {what}: {str(error) or type(error).__name__}") from error
    except (boto.BotoCoreError, ValueError) as error:
        raise Fatal(f"S3: {what}: {error}: check the S3__… variables") from error
