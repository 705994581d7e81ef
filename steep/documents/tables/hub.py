"""Documents from the Hugging Face Hub: ``hf://owner/name?split=train&field=text&config=…&rows=…``."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl

from steep.documents.formats import Piece
from steep.documents.tables.rows import piece_of
from steep.errors import DocumentError

PREFIX = "hf://"
_KEYS = ("split", "field", "config", "rows")


def is_hub_path(name: str) -> bool:
    """True for a data set on the Hub."""
    return name.startswith(PREFIX)


def read_hub(name: str) -> Iterator[Piece]:
    """Stream a data set, one piece per row, located as ``row N`` from 1.

    ``split`` is "train" unless given; ``field`` names the text, else the rules of tables hold;
    ``rows`` is how many are read, from the first on, of a set that would never end.

    Raises:
        DocumentError: the datasets package is missing, the path is malformed, or the Hub
            doesn't give the data set.
    """
    repository, options = _parse(name)
    most = int(options["rows"]) if "rows" in options else None
    try:
        datasets: Any = importlib.import_module("datasets")
    except ImportError as error:
        raise DocumentError(
            f"{name} needs the datasets package; run pip install 'steep[hub]', or name local files"
        ) from error
    number = 0
    try:
        rows = datasets.load_dataset(
            repository,
            options.get("config"),
            split=options.get("split", "train"),
            streaming=True,
        )
        for number, row in enumerate(islice(rows, most), start=1):
            yield _piece(name, dict(row), options.get("field"), f"row {number}")
    except DocumentError:
        raise
    except Exception as error:  # whatever the library, the network or the Hub says
        what = " ".join(str(error).split())[:200] or type(error).__name__
        where = f" after row {number}" if number else ""
        raise DocumentError(
            f"{name} can't be read{where}: {what}; check name, config, split and network"
        ) from error


def _piece(name: str, row: dict[str, Any], field: str | None, locator: str) -> Piece:
    piece = piece_of(row, locator)
    if field is None:
        return piece
    if field not in row:
        raise DocumentError(f"{name} has no field {field!r}; it has {', '.join(row)}")
    text = row[field]
    return piece._replace(text="" if text is None else str(text))


def _parse(name: str) -> tuple[str, dict[str, str]]:
    repository, _, query = name.removeprefix(PREFIX).partition("?")
    options = dict(parse_qsl(query))
    if not repository or repository.count("/") > 1:
        raise DocumentError(f"{name} is not hf://owner/name?split=train&field=text; correct it")
    for key in options:
        if key not in _KEYS:
            raise DocumentError(f"{name} has an unknown option {key!r}; use {', '.join(_KEYS)}")
    if not re.fullmatch(r"[1-9]\d{0,17}", options.get("rows", "1")):
        raise DocumentError(f"{name}: rows is {options['rows']!r}; give how many to read")
    return repository, options
