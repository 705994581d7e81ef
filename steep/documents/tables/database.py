"""Rows of a database by a query: ``URL#SELECT …``, for SQLite and all that SQLAlchemy knows.

SQLite needs nothing else; other databases need SQLAlchemy (the extra ``sql``) and their driver.
A password is better left to the driver's own means (``PGPASSWORD``, a password file): what is
written in the URL is hidden in everything steep writes but the resolved recipe.
"""

from __future__ import annotations

import importlib
import re
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from steep.documents.formats import Piece
from steep.documents.tables.rows import piece_of
from steep.errors import DocumentError

_QUERY = re.compile(r"([a-z][a-z0-9+]*)://([^#]*)#\s*(\S.*)", re.DOTALL | re.IGNORECASE)
_READS = re.compile(r"\s*(?:SELECT|WITH|VALUES|TABLE)\b", re.IGNORECASE)
_PASSWORD = re.compile(r"(://[^/@#:]*):[^/@#]*@")


def is_query(name: str) -> bool:
    """True for a database's URL with a query behind it."""
    return _QUERY.fullmatch(name) is not None


def source_of(name: str) -> str:
    """The database as it may be shown: without the query and without a password."""
    return _PASSWORD.sub(r"\1:***@", name.partition("#")[0])


def read_query(name: str) -> Iterator[Piece]:
    """Yield one piece per row, located as ``row N`` from 1.

    Raises:
        DocumentError: it isn't a query that only reads, a package is missing, or the database
            doesn't answer.
    """
    found = _QUERY.fullmatch(name)
    assert found is not None, "ask is_query first"
    scheme, place, query = found[1].lower(), found[2], found[3].rstrip().rstrip(";")
    if not _READS.match(query) or ";" in query:
        raise DocumentError(f"{source_of(name)}: give one query that begins with SELECT or WITH")
    rows = _sqlite(place, query) if scheme == "sqlite" else _any(name.partition("#")[0], query)
    number = 0
    try:
        for number, (names, row) in enumerate(rows, start=1):
            values = zip(names, row, strict=True)
            yield piece_of({n: v for n, v in values if not isinstance(v, bytes)}, f"row {number}")
    except DocumentError:
        raise
    except Exception as error:  # whatever the driver or the server says
        said = _PASSWORD.sub(r"\1:***@", " ".join(str(error).split()))[:200]
        raise DocumentError(
            f"{source_of(name)} can't be read ({said}); check URL and query"
        ) from error


def _sqlite(place: str, query: str) -> Iterator[tuple[Sequence[str], Sequence[Any]]]:
    """Rows of a file: ``/relative.db`` or ``//absolute.db``, as SQLAlchemy writes it."""
    path = Path(place[1:] if place.startswith("/") else place)
    if not path.is_file():
        raise DocumentError(f"sqlite database {path} doesn't exist; check the path")
    connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)
    try:
        rows = connection.execute(query)
        names = [str(column[0]) for column in rows.description]
        for row in rows:
            yield names, row
    finally:
        connection.close()


def _any(url: str, query: str) -> Iterator[tuple[Sequence[str], Sequence[Any]]]:
    try:
        alchemy: Any = importlib.import_module("sqlalchemy")
        engine = alchemy.create_engine(url)
    except ImportError as error:
        raise DocumentError(
            f"{source_of(url)} needs {error.name}; run pip install 'steep[sql]', and the driver"
        ) from error
    with engine.connect() as connection:
        rows = connection.execution_options(stream_results=True).execute(alchemy.text(query))
        names = [str(name) for name in rows.keys()]  # noqa: SIM118  # not a mapping
        for row in rows:
            yield names, tuple(row)
