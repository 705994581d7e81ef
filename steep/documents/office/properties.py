"""What office documents' properties say about them: title, language and date."""

from __future__ import annotations

import re
import zipfile
from typing import NamedTuple

from steep.documents.files.archive import read_part
from steep.documents.files.entry import Entry, UnreadableError
from steep.documents.xml.safe import local_name, parse_part

_DATE = re.compile(r"\d{4}(?:-\d\d(?:-\d\d)?)?")


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
    when = said.get("modified") or said.get("date") or said.get("created") or ""
    written = _DATE.match(when)
    return Properties(said.get("title"), said.get("language"), written[0] if written else None)
