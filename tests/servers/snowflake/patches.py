"""Where fakesnow 0.12.1 differs from Snowflake in a way a loader would notice: put right here.

Importing this module changes fakesnow. Each part says what Snowflake does.
"""

from contextvars import ContextVar
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import fakesnow.arrow
import fakesnow.copy_into
import fakesnow.cursor
import fakesnow.info_schema
import fakesnow.macros
import fakesnow.transforms
import pyarrow
from snowflake.connector.errors import ProgrammingError
from sqlglot import exp

OURS_TO_TRANSLATE = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)

s3 = None  # a file system, set when the server starts
_folder: ContextVar[Path] = ContextVar("folder of the running COPY")


class _Text:
    """A finished statement where fakesnow expects a parsed one."""

    def __init__(self, text: str) -> None:
        self._text = text

    def sql(self, dialect: str | None = None) -> str:
        return self._text


def _json_inserts(expression, params, urls, parquet_info=None):
    """`COPY … FROM (SELECT $1:field::TYPE, METADATA$FILENAME FROM @stage)`, one per file."""
    if not isinstance(params.file_format, fakesnow.copy_into.ReadJSON):
        return _plain_inserts(expression, params, urls, parquet_info)
    source = expression.args["files"][0]
    whole_row = [exp.Parameter(this=exp.Literal.number(1))]
    selected = source.this.expressions if isinstance(source, exp.Subquery) else whole_row
    into = expression.this.sql("duckdb")
    # Fetched together: one after the other, a thousand files would take a minute.
    copies = [str(_folder.get() / str(number)) for number in range(len(urls))]
    s3.get(urls, copies)
    statements = []
    for url, copy in zip(urls, copies, strict=True):
        columns = ", ".join(_column(one).sql("duckdb") for one in selected)
        place = exp.Literal.string(copy).sql("duckdb")
        # METADATA$FILENAME is the path inside the bucket. Without hive_partitioning=false DuckDB
        # would make a column of `dt=2026-03-01/` in that path.
        name = exp.Literal.string(url.split("/", 3)[-1]).sql("duckdb")
        statements.append(
            _Text(
                f"INSERT INTO {into} SELECT {columns} FROM (SELECT json AS c1, {name} AS filename "
                f"FROM read_json_objects({place}, format = 'newline_delimited', "
                "compression = 'gzip', hive_partitioning = false)) AS s"
            )
        )
    return statements


def _column(selected):
    def replaced(node):
        if isinstance(node, exp.Parameter) and node.this.name == "1":
            return exp.column("c1", "s")
        if isinstance(node, exp.Column) and node.name.upper() == "METADATA$FILENAME":
            return exp.column("filename", "s")
        return node

    return selected.copy().transform(replaced)


def _atomic_copy(connection, *args, **kwargs):
    """COPY is one statement: all its files or none. A missing file is error 91016."""
    with TemporaryDirectory() as folder:
        token = _folder.set(Path(folder))
        try:
            return _copy_all(connection, *args, **kwargs)
        finally:
            _folder.reset(token)


def _copy_all(connection, *args, **kwargs):
    try:
        connection.begin()
        own = True
    except duckdb.TransactionException:
        own = False
    try:
        result = _plain_copy(connection, *args, **kwargs)
        if own:
            connection.commit()
            connection.execute(result)  # COMMIT has taken the place of COPY's answer
        return result
    except Exception as error:
        if own:
            connection.rollback()
        if isinstance(error, FileNotFoundError):
            raise ProgrammingError(
                msg=f"Remote file was not found: {error}"[:600], errno=91016, sqlstate="22000"
            ) from None
        if isinstance(error, duckdb.Error) and not isinstance(error, OURS_TO_TRANSLATE):
            raise ProgrammingError(
                msg=f"Error parsing JSON: {error}"[:600], errno=100069, sqlstate="22P02"
            ) from None
        raise


# A DuckDB error that fakesnow does not know becomes HTTP 500, which the connector tries six times.
ERRORS = (
    (duckdb.TransactionException, 625, "57014"),
    (duckdb.ConstraintException, 100072, "22000"),
    (duckdb.Error, 100132, "P0000"),
)


def _execute(self, *args, **kwargs):
    try:
        return _plain_execute(self, *args, **kwargs)
    except duckdb.Error as error:
        number, state = next((n, s) for kind, n, s in ERRORS if isinstance(error, kind))
        if isinstance(error, duckdb.ConstraintException) and "NOT NULL" not in str(error):
            # Snowflake enforces no other: two sessions have met in fakesnow's own catalogue.
            number, state = 625, "57014"
        raise ProgrammingError(msg=str(error)[:600], errno=number, sqlstate=state) from None
    except (ValueError, AssertionError, AttributeError) as error:
        raise ProgrammingError(
            msg=f"the stand-in can not: {type(error).__name__}: {error}"[:600],
            errno=2,
            sqlstate="0A000",
        ) from None


class _NullableChildren:
    """Connector 5 refuses a NULL timestamp whose struct has children that are not nullable."""

    def __getattr__(self, name):
        return getattr(pyarrow, name)

    @staticmethod
    def field(*args, **kwargs):
        kwargs.pop("nullable", None)
        return pyarrow.field(*args, **kwargs)


def _timestamps(values):
    """A NULL timestamp is a NULL struct; with NULL children alone the connector reads 1970."""
    struct = _plain_timestamps(values)
    children = [struct.field(number) for number in range(struct.type.num_fields)]
    return pyarrow.StructArray.from_arrays(
        children, fields=list(struct.type), mask=struct.field(0).is_null()
    )


def _macros(database: str) -> str:
    return _plain_macros(database) + (
        f"CREATE MACRO IF NOT EXISTS {database}.strip_null_value(v) AS "
        "CASE WHEN json_type(v) = 'NULL' THEN NULL ELSE v END;"
        # As sqlglot spells MD5_NUMBER_LOWER64 for DuckDB.
        f"CREATE MACRO IF NOT EXISTS {database}.m_d5_number_lower64(v) AS md5_number_lower(v);"
    )


def _integer_precision(expression):
    """NUMBER(38,0) holds 38 digits; fakesnow makes 64 bits of it."""
    if isinstance(expression, exp.DataType) and expression.this == exp.DataType.Type.DECIMAL:
        digits = [one.name for one in expression.expressions]
        if digits == ["38", "0"]:
            return expression
    return _plain_integer_precision(expression)


def _comment_sql(catalog: str, schema: str, table: str, comment: str | None) -> str:
    """A comment may have an apostrophe in it."""
    return _plain_comment_sql(catalog, schema, table, (comment or "").replace("'", "''"))


_plain_inserts = fakesnow.copy_into._inserts
_plain_copy = fakesnow.copy_into.copy_into
_plain_execute = fakesnow.cursor.FakeSnowflakeCursor.execute
_plain_macros = fakesnow.macros.creation_sql
_plain_timestamps = fakesnow.arrow.timestamp_to_sf_struct
_plain_comment_sql = fakesnow.info_schema.insert_table_comment_sql
_plain_integer_precision = fakesnow.transforms.integer_precision

fakesnow.copy_into._inserts = _json_inserts
fakesnow.cursor.copy_into = _atomic_copy
fakesnow.cursor.FakeSnowflakeCursor.execute = _execute
fakesnow.arrow.pa = _NullableChildren()
fakesnow.arrow.timestamp_to_sf_struct = _timestamps
fakesnow.macros.creation_sql = _macros
fakesnow.transforms.integer_precision = _integer_precision
fakesnow.info_schema.insert_table_comment_sql = _comment_sql
