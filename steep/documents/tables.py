"""Files of many documents: CSV, TSV, JSON and JSON Lines.

One rule for all: a field named like a text is the document; without one, every field is said
as a sentence ("Column: value."). A field named like a title is the title. The fields
themselves, without long texts, stay with the piece.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from steep.documents.entry import Entry, UnreadableError
from steep.documents.formats import Fault, Piece

TITLE_FIELDS = ("title", "name", "heading", "subject", "id")
TEXT_FIELDS = ("content", "text", "body", "article", "description", "plain_text")
_HTML_FIELDS = ("html_with_citations", "html", "html_lawbox", "html_columbia", "xml_harvard")
"""Read where no text field has a value (CourtListener's opinions)."""
_LANGUAGE_FIELDS = ("language", "lang")
_DATE_FIELDS = (
    "date",
    "published",
    "created",
    "created_timestamp",
    "decision_date",
    "date_filed",
    "timestamp",
)
_LICENCE_FIELDS = ("licence", "license")
_DATE = re.compile(r"\d{4}-\d\d(?:-\d\d)?")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:[-_][A-Za-z]{2,4})*", re.IGNORECASE)
_CLINICAL = frozenset({"subject_id", "hadm_id", "iserror", "text"})
_DEIDENTIFIED = re.compile(r"\[\*\*([^\[\]]*?)\*\*\]")
_DEIDENTIFIED_DATE = re.compile(r"\d{1,4}(?:[-/]\d{1,4}){1,2}")
_DELIMITERS = ",;\t|"
# Latin, then: ellipsis, Chinese and Japanese, Devanagari, Urdu, Arabic.
SENTENCE_ENDS = tuple(".!?\u2026\u3002\uff01\uff1f\u0964\u0965\u06d4\u061f")
LONGEST_FIELD_CHARACTERS = 200
"""A longer value is a text, not a field."""
WITHIN = "within"
"""The field that says what a record is part of, outermost first."""
_MAX_CELL_CHARACTERS = 2**31 - 1
_SAMPLE_CHARACTERS = 8192


def say(fields: Mapping[str, str]) -> str:
    """Say fields as sentences: ``Column: value. Column: value.``; empty ones are left out."""
    return " ".join(
        f"{name}: {value}" if value.endswith(SENTENCE_ENDS) else f"{name}: {value}."
        for name, value in fields.items()
        if value
    )


def piece_of(
    fields: Mapping[str, Any], locator: str, options: Mapping[str, str] | None = None
) -> Piece:
    """Make one piece of a row or an object (names to values, possibly nested).

    ``options`` may name the fields that are the "text" and the "title".

    Raises:
        UnreadableError: a named field isn't there.
    """
    names = {name.strip().casefold(): name for name in fields}
    chosen = _chosen(names, options or {}, locator)
    title_names = [chosen["title"]] if "title" in chosen else TITLE_FIELDS
    titles = ((names[n], _as_text(fields[names[n]])) for n in title_names if n in names)
    title_field, title = next(((name, text) for name, text in titles if text), ("", None))
    flat = flatten(fields)
    text_names = [chosen["text"]] if "text" in chosen else TEXT_FIELDS
    text_field = next((names[name] for name in text_names if name in names), None)
    if text_field is not None and (text := _as_text(fields[text_field], "\n\n")):
        flat = flatten({name: value for name, value in fields.items() if name != text_field})
    elif html := next(
        (str(fields[names[n]]) for n in _HTML_FIELDS if fields.get(names.get(n, ""))), ""
    ):
        text = _from_html(html)
    else:
        text = "" if text_field is not None else _inner_texts(flat) or say(flat)
    kept = short_fields(flat)
    said = tuple(name for name, _ in kept if name == title_field.strip())
    by_name = {name.casefold(): value for name, value in kept}
    return Piece(
        text,
        title,
        locator,
        kept,
        said,
        _known(by_name, _LANGUAGE_FIELDS, _LANGUAGE),
        (_known(by_name, _DATE_FIELDS, _DATE, whole=False) or "")[:10] or None,
        next((by_name[name] for name in _LICENCE_FIELDS if name in by_name), None),
        may_be_wrapped="\n" in text,
    )


def _chosen(names: Mapping[str, str], options: Mapping[str, str], locator: str) -> dict[str, str]:
    """The fields that the user chose as text and title, as keys of ``names``."""
    chosen = {
        role: options[role].strip().casefold() for role in ("text", "title") if role in options
    }
    for role, name in chosen.items():
        if name not in names:
            has = ", ".join(names.values())[:200]
            detail = f"has no field {options[role]!r} for its {role}; it has {has}"
            raise UnreadableError("unreadable file", detail, locator)
    return chosen


def _inner_texts(flat: Mapping[str, str]) -> str:
    """The long texts inside a record that has none itself (a case's opinions), as paragraphs."""
    return "\n\n".join(
        value
        for name, value in flat.items()
        if " " in name
        and name.rpartition(" ")[2].casefold() in TEXT_FIELDS
        and len(value) > LONGEST_FIELD_CHARACTERS
    )


def _from_html(text: str) -> str:
    from steep.documents.markup import read_html

    return "\n\n".join(found.text for found in read_html(text) if isinstance(found, Piece))


def _known(
    fields: Mapping[str, str], names: Iterable[str], form: re.Pattern[str], *, whole: bool = True
) -> str | None:
    """The first field of these names whose value has a form."""
    match = form.fullmatch if whole else form.match
    return next((fields[name] for name in names if name in fields and match(fields[name])), None)


def short_fields(flat: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The fields that have a value and aren't long texts."""
    return tuple(
        (name, value) for name, value in flat.items() if 0 < len(value) <= LONGEST_FIELD_CHARACTERS
    )


def flatten(value: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Flatten nested values: keys are joined by a space, lists of plain values by a comma."""
    flat: dict[str, str] = {}
    for key, inner in value.items():
        name = f"{prefix} {key}".strip()
        if isinstance(inner, Mapping):
            flat.update(flatten(inner, name))
        elif isinstance(inner, list) and any(isinstance(item, Mapping | list) for item in inner):
            flat.update(flatten({str(k): v for k, v in enumerate(inner, start=1)}, name))
        else:
            flat[name] = _as_text(inner)
    return flat


def _as_text(value: Any, between: str = ", ") -> str:
    """One value as text: nothing for null, JSON's own words for true and false."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip("\r\n").strip() if between == ", " else value.strip("\r\n")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return say(flatten(value))
    if isinstance(value, list):
        return between.join(text for item in value if (text := _as_text(item)))
    return str(value)


def read_csv_entry(entry: Entry) -> Iterator[Piece | Fault]:
    """As ``read_csv``, of a file of any length."""
    head = entry.head(_SAMPLE_CHARACTERS).decode("utf-8", "replace")
    return _read_rows(entry.lines(), find_delimiter(head), entry.options)


def read_tsv_entry(entry: Entry) -> Iterator[Piece | Fault]:
    """As ``read_csv_entry``, of a file whose columns are separated by tabs."""
    return _read_rows(entry.lines(), "\t", entry.options)


def read_csv(text: str, delimiter: str | None = None) -> Iterator[Piece | Fault]:
    """Yield one piece per data row, located as ``row N`` from 1; blank rows don't count.

    The delimiter is found if it isn't given. Cells beyond the header's columns are put back
    into the last column, where an unquoted delimiter split them off. Clinical notes as MIMIC
    writes them are told by their columns: dates stay in its marks of what was taken out, names
    become blanks, and notes marked as errors are left out.
    """
    return _read_rows(io.StringIO(text, newline=""), delimiter or find_delimiter(text), {})


def _read_rows(
    lines: Iterable[str], delimiter: str, options: Mapping[str, str]
) -> Iterator[Piece | Fault]:
    csv.field_size_limit(_MAX_CELL_CHARACTERS)
    rows = csv.reader(lines, delimiter=delimiter)
    header: list[str] | None = None
    header_is_clinical = False
    number = 0
    try:
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if header is None:
                header = header_names(row)
                header_is_clinical = {name.casefold() for name in header} >= _CLINICAL
                continue
            number += 1
            if len(row) > len(header):
                row[len(header) - 1 :] = [delimiter.join(row[len(header) - 1 :])]
            fields = dict(zip(header, row, strict=False))
            if header_is_clinical:
                yield _clinical_note(fields, f"row {number}")
            else:
                yield piece_of(fields, f"row {number}", options)
    except csv.Error as error:
        yield Fault(
            "unreadable file",
            f"is not a readable table ({error}); repair that row",
            f"line {rows.line_num}",
        )
        return
    if number == 0:
        yield Fault("empty", "has no rows below its header; add rows or leave it out")


def _clinical_note(row: Mapping[str, str], locator: str) -> Piece | Fault:
    fields = {name.casefold(): value.strip() for name, value in row.items()}
    if fields["iserror"] == "1":
        return Fault("ignored", "is marked as an error in the record", locator, fatal=False)

    def mark(match: re.Match[str]) -> str:
        inner = match[1].strip()
        return inner if _DEIDENTIFIED_DATE.fullmatch(inner) else "___"

    kinds = [fields.get(name, "") for name in ("category", "description")]
    title = ": ".join(kind for kind in kinds if kind) or None
    kept = {name: value for name, value in fields.items() if name != "text"}
    date = fields.get("chartdate", "")[:10]
    text = _DEIDENTIFIED.sub(mark, fields["text"])
    return Piece(text, title, locator, short_fields(kept), date=date or None, may_be_wrapped=True)


def find_delimiter(text: str) -> str:
    """Find what separates a table's columns: csv.Sniffer, else the header's most frequent."""
    sample = text[:_SAMPLE_CHARACTERS]
    header = sample.lstrip("\r\n").split("\n", 1)[0]
    try:
        found = csv.Sniffer().sniff(sample, delimiters=_DELIMITERS).delimiter
    except csv.Error:
        found = ""
    most = max(_DELIMITERS, key=header.count)
    # The sniffer can be misled by commas inside long cells; the header rarely lies.
    return found if found and header.count(found) >= header.count(most) else most


def header_names(row: list[str]) -> list[str]:
    """Column names, each distinct and none empty."""
    names: list[str] = []
    for number, cell in enumerate(row, start=1):
        name = " ".join(cell.split()) or f"column {number}"
        names.append(f"{name} {number}" if name in names else name)
    return names


def read_jsonl_entry(entry: Entry) -> Iterator[Piece | Fault]:
    """As ``read_jsonl``, of a file of any length."""
    return _read_lines(entry.lines(), entry.options)


def read_jsonl(text: str) -> Iterator[Piece | Fault]:
    """Yield one piece per line that isn't blank, located as ``line N`` from 1."""
    # Only \n ends a line: U+2028 and U+0085 may stand inside a JSON string.
    return _read_lines(text.split("\n"))


def _read_lines(
    lines: Iterable[str], options: Mapping[str, str] | None = None
) -> Iterator[Piece | Fault]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        locator = f"line {number}"
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield Fault(
                "unreadable file",
                f"is not valid JSON ({_one_line(error)}); fix or remove that line",
                locator,
            )
            continue
        yield _item(value, locator, options)


def read_json_entry(entry: Entry) -> Iterator[Piece | Fault]:
    """As ``read_json``; an API description (OpenAPI) is read as one."""
    from steep.documents.openapi import read_api_json

    text = entry.text()
    found = read_api_json(text)
    return read_json(text, entry.options) if found is None else found


def read_json(text: str, options: Mapping[str, str] | None = None) -> Iterator[Piece | Fault]:
    """Yield one piece per item of a list (``item N`` from 1), or one for a single object.

    An object of objects that share their keys is a list too, each item with its key as ``id``.
    A file that is really JSON Lines is read as that.
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
    if isinstance(value, Mapping) and _is_table(value):
        value = [_with_key(key, item) for key, item in value.items()]
    if not isinstance(value, list):
        yield _item(value, "", options)
        return
    for number, item in enumerate(value, start=1):
        yield _item(item, f"item {number}", options)


def _is_table(value: Mapping[str, Any]) -> bool:
    """True if all values are objects, and most of what they hold has keys that most share."""
    items = list(value.values())
    if len(items) < 2 or not all(isinstance(item, Mapping) for item in items):
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


def _item(value: Any, locator: str, options: Mapping[str, str] | None) -> Piece | Fault:
    if isinstance(value, Mapping):
        try:
            return piece_of(value, locator, options)
        except RecursionError:
            return Fault("unreadable file", "is nested too deeply; flatten it", locator)
    if isinstance(value, str):
        return Piece(value, None, locator)
    return Fault(
        "unreadable file",
        f"is {type(value).__name__}, not an object; write {{'text': …}} objects",
        locator,
    )


def _one_line(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    return " ".join(str(error).split())
