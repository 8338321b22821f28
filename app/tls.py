"""TLS to servers, by settings: reading our certificates, and what a failed handshake means."""

import re
import ssl
from typing import NamedTuple

from app.core.errors import Fatal

_OTHER_NAME = re.compile(r"(hostname|ip address) mismatch", re.IGNORECASE)
_EXPIRED = re.compile(r"certificate (has expired|is not yet valid)", re.IGNORECASE)
_UNTRUSTED = re.compile(r"certificate verify failed", re.IGNORECASE)
_OURS_REFUSED = re.compile(
    r"alert[ _]((bad|no|unsupported)[ _])?certificate|alert[ _](unknown[ _]ca|access[ _]denied)",
    re.IGNORECASE,
)
_HUNG_UP = re.compile(r"connection closed|connection reset", re.IGNORECASE)


class Names(NamedTuple):
    """The settings of one server, for messages."""

    server: str
    ca: str
    ours: str


def context(
    names: Names, *, ca_file: str = "", cert_file: str = "", key_file: str = "", key_password: str
) -> ssl.SSLContext:
    """How to speak to the server: its certificate and host name are always checked.

    Without `ca_file` the system's authorities are trusted; `cert_file` is what we show who we are
    by, and may hold the private key as well.

    Raises:
        Fatal: a file can not be used; the message names its setting.
    """
    if key_file and not cert_file:
        raise Fatal(f"there is a private key and no certificate: set {names.ours}")
    try:
        made = ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:  # ssl.SSLError is one
        raise Fatal(
            f"{ca_file} is no certificate of an authority: {error}. Correct {names.ca}"
        ) from (error)
    if cert_file:
        try:
            # Always one to give: else OpenSSL would ask for it on the terminal.
            made.load_cert_chain(cert_file, key_file or None, lambda: key_password)
        except (OSError, ValueError) as error:
            raise Fatal(
                f"{cert_file} and its private key can not be used: {error}. Correct {names.ours}"
            ) from error
    return made


def advice(error: BaseException, names: Names, *, greeting: bool = False) -> str:
    """What to correct after a failed handshake, as a sentence to append; empty: it was none.

    A library may leave no more of the cause than its text. A server that hangs up is no sign of
    anything, unless that was all that it ever said: `greeting`.
    """
    text = " ".join(_texts(error))
    if _OTHER_NAME.search(text):
        return (
            f". The server's certificate is for another name: correct the host in {names.server}, "
            "or have a certificate made for it"
        )
    if _EXPIRED.search(text):
        return ". The server's certificate is not valid now: have it renewed, or correct our clock"
    if _UNTRUSTED.search(text):
        return f". The server's certificate is of an authority that we do not trust: set {names.ca}"
    if _OURS_REFUSED.search(text):
        return f". The server does not accept our certificate, or wants one: set {names.ours}"
    if greeting and _HUNG_UP.search(text):
        return f". It hangs up at once: does {names.server} say TLS, does it want {names.ours}?"
    return ""


def _texts(error: BaseException | None) -> list[str]:
    found: list[str] = []
    while error is not None and len(found) < 8:
        found.append(str(error))
        error = error.__cause__ or error.__context__
    return found
