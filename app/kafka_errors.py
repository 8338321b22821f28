"""What aiokafka's errors mean to us: the one table; and what it keeps to itself."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from app.core.errors import Fatal, ForebayError, Transient
from app.tls import Names, advice

if TYPE_CHECKING:
    from app.kafka import KafkaOptions

NAMES = Names(
    server="KAFKA__BROKERS",
    ca="KAFKA__CA_FILE",
    ours="KAFKA__CERT_FILE, KAFKA__KEY_FILE, KAFKA__KEY_PASSWORD",
)
KNOCK_SECONDS = 5.0


@contextmanager
def kafka_errors(doing: str) -> Iterator[None]:
    """Translate what aiokafka raises while `doing` into `Transient` or `Fatal`."""
    from aiokafka.errors import KafkaError

    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        raise translated(error, doing) from error


def translated(error: BaseException, doing: str) -> ForebayError:
    """Say whose fault an aiokafka error is; what the table does not know may work later."""
    found = _advice().get(type(error))
    text = f"{doing}: {str(error) or type(error).__name__}"
    return Transient(text + advice(error, NAMES)) if found is None else Fatal(f"{text}. {found}")


def _advice() -> Mapping[type[BaseException], str]:
    from aiokafka import errors as kafka

    log_in = "Check KAFKA__USERNAME, KAFKA__PASSWORD, KAFKA__SASL_MECHANISM"
    protocol = "This port takes no password: check KAFKA__SECURITY_PROTOCOL, KAFKA__BROKERS"
    allow = "Let KAFKA__USERNAME describe, create, read and write the events topics"
    upgrade = "Forebay needs Kafka 2.4 or newer"
    ask = "The cluster does not allow this topic: change the contract or the cluster's policy"
    return {
        kafka.SaslAuthenticationFailed: log_in,
        kafka.AuthenticationFailedError: log_in,
        kafka.AuthenticationMethodNotSupported: log_in,
        kafka.UnsupportedSaslMechanismError: log_in,
        kafka.IllegalSaslStateError: protocol,
        kafka.TopicAuthorizationFailedError: allow,
        kafka.ClusterAuthorizationFailedError: allow,
        kafka.IncompatibleBrokerVersion: upgrade,
        kafka.UnsupportedVersionError: upgrade,
        kafka.InvalidTopicError: ask,
        kafka.InvalidConfigurationError: ask,
        kafka.PolicyViolationError: ask,
    }


async def started(client: Any, options: "KafkaOptions") -> None:
    """Start an aiokafka client that was made with `options`.

    When no broker lets it in, aiokafka only logs why. So each one is tried once more.

    Raises:
        Fatal: a broker refuses our user, password or protocol.
        Transient: it refuses our certificate, or we its.
        KafkaConnectionError: no broker can be reached.
    """
    from aiokafka.errors import KafkaConnectionError

    try:
        await client.start()
    except KafkaConnectionError:
        await _knock(options)
        raise


async def _knock(options: "KafkaOptions") -> None:
    from aiokafka.client import collect_hosts
    from aiokafka.conn import create_conn
    from aiokafka.errors import KafkaConnectionError, KafkaError

    how = options.client() | {"request_timeout_ms": int(KNOCK_SECONDS * 1000)}
    for host, port, _ in collect_hosts(how.pop("bootstrap_servers")):
        try:
            connection = await create_conn(host, port, **how)
        except (KafkaError, OSError, TimeoutError) as error:
            failure = translated(error, f"{host}:{port} does not let us in")
            if isinstance(failure, Fatal) or advice(error, NAMES):
                raise failure from error
            if isinstance(error, KafkaConnectionError | ConnectionResetError):
                raise Transient(
                    f"{host}:{port} hangs up at once. Does it want another "
                    f"KAFKA__SECURITY_PROTOCOL than {options.security_protocol}, "
                    f"or a certificate ({NAMES.ours})?"
                ) from error
        else:
            connection.close()
