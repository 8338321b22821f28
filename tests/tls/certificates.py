"""A certificate authority for a test, and what servers and clients need of it, as files."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

KEY_PASSWORD = "of the private key"


@dataclass(frozen=True)
class Certificates:
    """PEM files. `server` is the certificate of 127.0.0.1, `client` one of ours, whose key has a
    password; a `pair` is a key without one and its certificate."""

    ca: Path
    server: Path
    server_pair: Path
    client: Path
    client_key: Path
    client_pair: Path

    def server_context(self) -> ssl.SSLContext:
        """For a server that asks its clients for a certificate as well."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.ca))
        context.load_cert_chain(self.server_pair)
        context.verify_mode = ssl.CERT_REQUIRED
        return context


def certificates(folder: Path) -> Certificates:
    """Make them, in a folder that is there."""
    authority = trustme.CA()
    server, client = authority.issue_cert("127.0.0.1"), authority.issue_cert("forebay.example")
    names = ("ca", "server", "server_pair", "client", "client_key", "client_pair")
    made = Certificates(*(folder / f"{name}.pem" for name in names))
    made.ca.write_bytes(authority.cert_pem.bytes())
    for issued, certificate, pair in (
        (server, made.server, made.server_pair),
        (client, made.client, made.client_pair),
    ):
        certificate.write_bytes(issued.cert_chain_pems[0].bytes())
        pair.write_bytes(_key(issued, NoEncryption()) + certificate.read_bytes())
    made.client_key.write_bytes(_key(client, BestAvailableEncryption(KEY_PASSWORD.encode())))
    return made


def _key(issued: trustme.LeafCert, encryption: KeySerializationEncryption) -> bytes:
    """As PKCS #8, which is all that Java reads."""
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
