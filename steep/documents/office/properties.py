"""What office documents' properties say about them: title, language and date."""

from __future__ import annotations

import zipfile
from pathlib import PurePath
from typing import NamedTuple

from steep.documents.dates import common_date, day_in
from steep.documents.files.archive import read_part
from steep.documents.files.entry import Entry, UnreadableError
from steep.documents.xml.safe import local_name, parse_part

_DATES = ("created", "creation-date", "modified", "date")


class Properties(NamedTuple):
    """What a document's properties say about it."""

    title: str | None = None
    language: str | None = None
    date: str | None = None


def properties(archive: zipfile.ZipFile, part: str, entry: Entry) -> Properties:
    """The properties part of a document, of which any may be missing or broken."""
    try:
        root = parse_part(read_part(archive, part, entry))
    except (KeyError, UnreadableError):
        return Properties()
    said: dict[str, str] = {}
    for element in root.iter():
        if element.text and element.text.strip():
            said.setdefault(local_name(element), element.text.strip())
    when = date_of(entry, *(said.get(name) for name in _DATES))
    return Properties(said.get("title"), said.get("language"), when)


def date_of(entry: Entry, *written: str | None) -> str | None:
    """When a document is from, of the days on which programs made and saved it.

    None where its file's name holds a day: whoever wrote that meant it.
    """
    return None if day_in(PurePath(entry.path).name) else common_date(*written)
