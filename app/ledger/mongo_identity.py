"""Who we are to MongoDB, and how we know that it is MongoDB, beside what the URL says."""

from typing import Any

from app.ledger.mongo_errors import NAMES
from app.ledger.options import LedgerOptions
from app.tls import context


def identity(options: LedgerOptions) -> dict[str, Any]:
    """Keyword arguments for a client.

    Raises:
        Fatal: a certificate can not be used.
    """
    key_password = options.key_password.get_secret_value()
    # The client reads them again; of a file that is wrong it does not say which.
    context(NAMES, ca_file=options.ca_file, cert_file=options.cert_file, key_password=key_password)
    wanted: dict[str, Any] = {
        "username": options.username,
        "password": options.password.get_secret_value() if options.username else "",
        "tlsCAFile": options.ca_file,
        "tlsCertificateKeyFile": options.cert_file,
        "tlsCertificateKeyFilePassword": key_password if options.cert_file else "",
        "tls": bool(options.ca_file or options.cert_file),
    }
    return {name: value for name, value in wanted.items() if value}
