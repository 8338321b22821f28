"""Check the token of a key-pair login as Snowflake does."""

import base64
import hashlib
import json
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

LONGEST_LIFE_SECONDS = 3600


def refusal(data: dict, users_file: Path) -> str | None:
    """Say why this login is refused; None when it is right.

    `users_file` is JSON, `{"ACCOUNT.USER": "public key, PEM"}`, read at each login, so that a test
    can register another key while the server runs.
    """
    if data.get("AUTHENTICATOR") != "SNOWFLAKE_JWT":
        return f"authenticator {data.get('AUTHENTICATOR')!r}"
    account = data["ACCOUNT_NAME"].split(".")[0].upper()
    name = f"{account}.{data['LOGIN_NAME'].upper()}"
    pem = json.loads(users_file.read_text()).get(name)
    if pem is None:
        return f"no user {name}"
    public = load_pem_public_key(pem.encode())
    try:
        claims = jwt.decode(
            data["TOKEN"],
            public,
            algorithms=["RS256"],
            options={"require": ["iss", "sub", "iat", "exp"]},
        )
    except jwt.PyJWTError as error:
        return f"{type(error).__name__}: {error}"
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    print_of_key = "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode()
    if claims["iss"] != f"{name}.{print_of_key}" or claims["sub"] != name:
        return f"issuer {claims['iss']}, subject {claims['sub']}"
    if claims["exp"] - claims["iat"] > LONGEST_LIFE_SECONDS:
        return "lives longer than an hour"
    return None
