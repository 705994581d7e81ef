"""A record as one document: a row of a table, an object, or the like.

One rule for all: a field named like a text is the text, with the other long texts of the record;
without one, every field is said as a sentence ("Column: value."). A field named like a title is the
title. The fields themselves, without long texts, stay with the piece. The user may name both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from steep.documents.dates import known_date
from steep.documents.files.entry import UnreadableError
from steep.documents.formats import Fault, Piece
from steep.documents.tables.fields import (
    TEXT_FIELDS,
    TITLE_FIELDS,
    as_text,
    flatten,
    say,
    short_fields,
)
from steep.documents.tables.html_values import read_html_value
from steep.documents.tables.labels import is_label
from steep.documents.tables.long_texts import long_texts

_HTML_FIELDS = ("html_with_citations", "html", "html_lawbox", "html_columbia", "xml_harvard")
"""One text in several forms, read where no text field has a value (CourtListener's opinions)."""
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
_TIME_OF_VISIT = "timestamp"  # beside a page's address: when somebody's crawler was there
_LICENCE_FIELDS = ("licence", "license")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:[-_][A-Za-z]{2,4})*", re.IGNORECASE)
_PATIENCE = 1000
"""Records without a field that the user named, after which there is none."""


def piece_of(
    fields: Mapping[str, Any], locator: str, options: Mapping[str, str] | None = None
) -> Piece:
    """Make one piece of a row or an object (names to values, possibly nested).

    ``options`` may name the fields that are the "text" and the "title"; a text that is named so is
    all of the piece's text.

    Raises:
        UnreadableError: a named field isn't there.
    """
    names: dict[str, str] = {}
    for name in fields:
        names.setdefault(name.strip().casefold(), name)
    chosen = _chosen(names, options or {}, locator)
    title_names = [chosen["title"]] if "title" in chosen else TITLE_FIELDS
    titles = ((names[n], as_text(fields[names[n]])) for n in title_names if n in names)
    title_field, title = next(((name, text) for name, text in titles if text), ("", None))
    text_field: str | None
    if "text" in chosen:
        text_field = names[chosen["text"]]
        text = as_text(fields[text_field], "\n\n")
    else:
        text_field, text = _found_text(fields, names)
    flat = flatten({name: value for name, value in fields.items() if name != text_field})
    kept = short_fields(flat)
    if "text" not in chosen and not text and _tells(kept, title_field, names):
        text = say(flat)
    said = tuple(name for name, _ in kept if name == title_field.strip())
    by_name = {name.casefold(): value for name, value in kept}
    return Piece(
        text,
        title,
        locator,
        kept,
        said,
        _known(by_name, _LANGUAGE_FIELDS, _LANGUAGE),
        _date_of(by_name),
        next((by_name[name] for name in _LICENCE_FIELDS if name in by_name), None),
        may_be_wrapped="\n" in text,
    )


def _found_text(fields: Mapping[str, Any], names: Mapping[str, str]) -> tuple[str | None, str]:
    """The field that is the text, if there is one, and the record's texts together."""
    values = ((names[n], as_text(fields[names[n]], "\n\n")) for n in TEXT_FIELDS if n in names)
    field, main = next(((name, text) for name, text in values if text.strip()), (None, ""))
    known = {names[name]: "" for name in _HTML_FIELDS if name in names}
    if field is not None:
        known[field] = main
    else:
        html = next((name for name in known if fields[name]), None)
        if html is not None:
            main = known[html] = read_html_value(str(fields[html]))
    found = long_texts(fields, known)
    if not main and not any(one.is_inner for one in found):
        return None, ""
    return field, "\n\n".join(one.text for one in found)


def _tells(kept: Iterable[tuple[str, str]], title_field: str, names: Mapping[str, str]) -> bool:
    """True if a record without a text says something in its fields all the same.

    One whose text is missing says nothing with its title, its ids and its times.
    """
    if names.keys().isdisjoint((*TEXT_FIELDS, *_HTML_FIELDS)):
        return True
    return names.keys().isdisjoint(_HTML_FIELDS) and any(
        name != title_field.strip() and not is_label(name, value, loosely=True)
        for name, value in kept
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


def _known(fields: Mapping[str, str], names: Iterable[str], form: re.Pattern[str]) -> str | None:
    """The first field of these names whose value has a form."""
    having = (fields[name] for name in names if name in fields)
    return next(filter(form.fullmatch, having), None)


def _date_of(fields: Mapping[str, str]) -> str | None:
    """The first date that a record gives."""
    names = (n for n in _DATE_FIELDS if not (n == _TIME_OF_VISIT and "url" in fields))
    return next(filter(None, (known_date(fields[n]) for n in names if n in fields)), None)


class Records:
    """Records of one file that needn't have the same fields: objects, rows of several tables.

    One without the text that the user named is a fault of its own, one without the title has none.
    A name that no record has is a mistake of the user's.
    """

    def __init__(self, options: Mapping[str, str]) -> None:
        self._options = {role: options[role] for role in ("text", "title") if role in options}
        self._unmet: dict[str, Fault] = {}
        self._met: set[str] = set()
        self._count = 0

    @property
    def named(self) -> tuple[str, ...]:
        """The fields that the user named, as they are compared."""
        return tuple(name.strip().casefold() for name in self._options.values())

    def lacks_text(self, fields: Iterable[str], locator: str) -> Fault | None:
        """Why records of these fields have no text; None if they have."""
        fields = list(fields)
        names = {name.strip().casefold() for name in fields}
        for role, wanted in self._options.items():
            if wanted.strip().casefold() in names:
                self._met.add(role)
            else:
                has = ", ".join(fields)[:200]
                detail = f"has no field {wanted!r} for its {role}; it has {has}"
                self._unmet[role] = Fault("unreadable file", detail, locator, fatal=False)
        text = self._options.get("text", "").strip().casefold()
        return self._unmet["text"] if text and text not in names else None

    def piece(self, fields: Mapping[str, Any], locator: str) -> Piece | Fault:
        """One record as a piece, or why it is none.

        Raises:
            UnreadableError: none of so many has a field that the user named.
        """
        self._count += 1
        fault = self.lacks_text(fields, locator)
        if self._count >= _PATIENCE:
            for mistake in self.mistakes():
                raise UnreadableError(mistake.reason, mistake.detail, mistake.locator)
        if fault is not None:
            return fault
        names = {name.strip().casefold() for name in fields}
        met = {
            role: name for role, name in self._options.items() if name.strip().casefold() in names
        }
        return piece_of(fields, locator, met)

    def mistakes(self) -> Iterator[Fault]:
        """A fault for each name that no record had, once all were read."""
        for role, fault in self._unmet.items():
            if role not in self._met:
                yield fault._replace(fatal=True)
