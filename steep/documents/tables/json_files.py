"""JSON and JSON Lines: a document for each object."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from steep.documents.files.entry import Entry
from steep.documents.formats import Fault, Piece
from steep.documents.tables.fields import TEXT_FIELDS, TITLE_FIELDS
from steep.documents.tables.long_texts import is_talk
from steep.documents.tables.rows import Records


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


_WORD_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[\W_]+")
_ABOUT = _names(
    "code count cursor error errors etag exported generated info kind limit link links meta"
    " metadata more next offset page pages pagination paging prev previous schema self size"
    " status success timestamp took total url version"
)
"""Words for what an answer or an export says about its list."""
_BESIDE = _names(
    "at by date has id is items ms number of per records request results time to token"
)
"""Words beside those."""
_CLOSING = {"{": "}", "[": "]"}
_WRAPPERS = ("data", "payload", "response", "result", "results")


def read_jsonl_entry(entry: Entry) -> Iterator[Piece | Fault]:
    """As ``read_jsonl``, of a file of any length."""
    return _read_lines(entry.lines(), entry.options)


def read_jsonl(text: str) -> Iterator[Piece | Fault]:
    """Yield one piece per line that isn't blank, located as ``line N`` from 1.

    So is a value over several lines, as other programs lay it out, by its first.
    """
    # Only \n ends a line: U+2028 and U+0085 may stand inside a JSON string.
    return _read_lines(text.split("\n"))


def _read_lines(
    lines: Iterable[str], options: Mapping[str, str] | None = None
) -> Iterator[Piece | Fault]:
    records = Records(options or {})
    for number, text in _values(lines):
        locator = f"line {number}"
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            where = "what begins on that line" if "\n" in text.strip() else "that line"
            yield Fault(
                "unreadable file",
                f"is not valid JSON ({_one_line(error)}); fix or remove {where}",
                locator,
            )
            continue
        if isinstance(value, list):  # a whole table on one line, as a .json file has it
            for place, item in enumerate(value, start=1):
                yield _item(item, f"{locator}, item {place}", records)
        else:
            yield _item(value, locator, records)
    yield from records.mistakes()


def _values(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Each value's text behind the number of its first line.

    A bracket alone on its line begins a value that goes on to its closing one at the left edge;
    between them all is indented.
    """
    begun, held, closing = 0, list[str](), ""
    for number, line in enumerate(lines, start=1):
        edge = line.rstrip()
        if held and (not edge or edge[0].isspace()):
            held.append(line)
            continue
        if held:  # it ends, or is broken off
            yield begun, "\n".join([*held, *([line] if edge == closing else ())])
            held = []
            if edge == closing:
                continue
        if edge in _CLOSING:
            begun, held, closing = number, [line], _CLOSING[edge]
        elif edge:
            yield number, line
    if held:
        yield begun, "\n".join(held)


def read_json_entry(entry: Entry) -> Iterator[Piece | Fault]:
    """As ``read_json``; an API description (OpenAPI) is read as one."""
    from steep.documents.tables.openapi import read_api_json

    text = entry.text()
    found = read_api_json(text)
    return read_json(text, entry.options) if found is None else found


def read_json(text: str, options: Mapping[str, str] | None = None) -> Iterator[Piece | Fault]:
    """Yield one piece per item of a list (``item N`` from 1), or one for a single object.

    An object of objects that share their keys is a list too, each item with its key as ``id``, and
    so is an object that only wraps a list (``items_within``). A file that is really JSON Lines is
    read as that.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        if _first_line_is_json(text):
            yield from _read_lines(text.split("\n"), options)
            return
        line = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        yield Fault("unreadable file", f"is not valid JSON ({_one_line(error)}); fix it", line)
        return
    records = Records(options or {})
    if isinstance(value, Mapping):
        with suppress(RecursionError):  # which its one document will say
            value = items_within(value, records.named) or value
    if isinstance(value, list):
        for number, item in enumerate(value, start=1):
            yield _item(item, f"item {number}", records)
    else:
        yield _item(value, "", records)
    yield from records.mistakes()


def items_within(
    value: Mapping[str, Any], named: Iterable[str] = ()
) -> list[Mapping[str, Any]] | None:
    """The records of an object that is a table by key or only wraps a list; else None.

    What wraps a list has neither a text nor a title itself, one list of objects that share their
    keys (or table by key), and plain values beside it; those that aren't about the list are fields
    of each record. A talk is one record, whose turns are its parts; so is one that has a field
    ``named`` by the user.
    """
    if _are_alike(list(value.values())) and len(value) > 1:
        return [_with_key(key, item) for key, item in value.items()]
    names = {name.strip().casefold() for name in value}
    if not names.isdisjoint((*TEXT_FIELDS, *TITLE_FIELDS[:-1], *named)):
        return None
    lists = [inner for inner in value.values() if isinstance(inner, list) and _are_alike(inner)]
    nested = [name for name, inner in value.items() if isinstance(inner, list | Mapping)]
    nested = [name for name in nested if value[name] and name.strip().casefold() not in _ABOUT]
    if len(nested) != 1:
        return None
    (inner,) = (value[name] for name in nested)
    found: list[Mapping[str, Any]] | None
    if isinstance(inner, Mapping):
        is_table = len(inner) > 1 and _are_alike(list(inner.values()))
        wraps = is_table or nested[0].strip().casefold() in _WRAPPERS
        found = items_within(inner, named) if wraps else None
    else:
        found = inner if lists and not is_talk(inner) else None
    if found is None:
        return None
    beside = {
        name: plain
        for name, plain in value.items()
        if not isinstance(plain, list | Mapping) and not _is_about_the_list(name)
    }
    return [{**item, **{n: v for n, v in beside.items() if n not in item}} for item in found]


def _are_alike(items: list[Any]) -> bool:
    """True if all are objects, and most of what they hold has keys that most share."""
    if not items or not all(isinstance(item, Mapping) for item in items):
        return False
    counts = Counter(key for item in items for key in item)
    common = sum(count for count in counts.values() if 2 * count > len(items))
    return 2 * common > counts.total()


def _with_key(key: str, item: Mapping[str, Any]) -> Mapping[str, Any]:
    """A record of a table by key: its key comes first, under a name that it doesn't use yet."""
    used = {name.strip().casefold() for name in item}
    name = next((name for name in ("id", "key") if name not in used), None)
    return item if name is None else {name: key, **item}


def _first_line_is_json(text: str) -> bool:
    first, _, rest = text.strip().partition("\n")
    try:
        return bool(rest) and isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _item(value: Any, locator: str, records: Records) -> Piece | Fault:
    if isinstance(value, Mapping):
        try:
            return records.piece(value, locator)
        except RecursionError:
            return Fault("unreadable file", "is nested too deeply; flatten it", locator)
    if isinstance(value, str):
        return Piece(value, None, locator)
    return Fault(
        "unreadable file",
        f'is {json.dumps(value)[:20]}, not an object; write {{"text": …}} objects',
        locator,
    )


def _one_line(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    return " ".join(str(error).split())


def _is_about_the_list(name: str) -> bool:
    words = {word.casefold() for word in _WORD_BREAK.split(name)}
    return not _ABOUT.isdisjoint(words) and words <= _ABOUT | _BESIDE
