"""Data files in a binary form: Parquet and SQLite."""

from __future__ import annotations

import importlib
import sqlite3
from collections.abc import Iterator
from typing import Any

from steep.documents.files.entry import Entry, UnreadableError
from steep.documents.formats import Fault, Piece
from steep.documents.tables.rows import Records, piece_of

_BATCH_ROWS = 256


def read_parquet(entry: Entry) -> Iterator[Piece | Fault]:
    """Yield one piece per row, located as ``row N`` from 1."""
    arrow: Any = importlib.import_module("pyarrow")
    parquet: Any = importlib.import_module("pyarrow.parquet")
    try:
        file = parquet.ParquetFile(arrow.BufferReader(entry.data()))
        number = 0
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, use_threads=False):
            for row in batch.to_pylist():
                number += 1
                yield piece_of(row, f"row {number}", entry.options)
    except (arrow.ArrowException, OSError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        detail = f"is not a readable Parquet file ({said}); write it again"
        raise UnreadableError("unreadable file", detail) from error
    if number == 0:
        yield Fault("empty", "has no rows; leave it out")


def read_sqlite(entry: Entry) -> Iterator[Piece | Fault]:
    """Yield one piece per row of every table, located as ``TABLE row N`` from 1.

    The file is read into memory first, so that nothing beside it is opened; views and
    full-text indexes' own tables are left out.
    """
    data = entry.data()
    if not data.startswith(b"SQLite format 3\x00"):
        raise UnreadableError(
            "unreadable file", "is not an SQLite database; rename or leave it out"
        )
    # A database in WAL mode says so in two bytes, and can't be opened from memory then.
    data = data[:18] + b"\x01\x01" + data[20:]
    with_rows = 0
    records = Records(entry.options)
    try:
        connection = sqlite3.connect(":memory:")
        connection.deserialize(data)
        connection.execute("PRAGMA trusted_schema = OFF")
        for table in _tables(connection):
            rows = connection.execute(f"SELECT * FROM {_quoted(table)}")
            names = [column[0] for column in rows.description]
            for number, row in enumerate(rows, start=1):
                with_rows += 1
                if number == 1 and (fault := records.lacks_text(names, table)):
                    yield fault
                    break
                values = {n: v for n, v in zip(names, row, strict=True) if not isinstance(v, bytes)}
                yield records.piece(values, f"{table} row {number}")
        connection.close()
        yield from records.mistakes()
    except sqlite3.Error as error:
        detail = f"is not a readable SQLite database ({error}); dump and load it again"
        raise UnreadableError("unreadable file", detail) from error
    if with_rows == 0:
        yield Fault("empty", "has no rows in any table; leave it out")


def _tables(connection: sqlite3.Connection) -> list[str]:
    found = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name"
    )
    tables = [(str(name), str(sql or "")) for name, sql in found]
    virtual = [name for name, sql in tables if sql.upper().startswith("CREATE VIRTUAL")]
    return [
        name
        for name, _ in tables
        if not name.startswith("sqlite_")
        and name not in virtual
        and not any(name.startswith(f"{whole}_") for whole in virtual)
    ]


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
