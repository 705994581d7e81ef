"""The one document record: what every reader yields and every later stage takes."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from steep.artifact import text_hash


@dataclass(frozen=True)
class Document:
    """One document of the user's.

    Attributes:
        text: the cleaned text, paragraphs separated by a blank line.
        title: its title (heading, ``<title>``, column or key named title, else the file name).
        source: the file it came from, as the user would name it.
        locator: where in the file, for files of many documents ("row 3", "line 17"), else "".
        fields: of a record (a table's row, a JSON object, an XML element): names and plain
            values on one line, in the file's order; long texts are left out. Other documents
            have none.
        title_fields: the names of the fields that the title says.
        language: a BCP 47 tag, date: in ISO 8601, licence: as the file names it; None where
            the file doesn't say.
        flags: signs of poor text (``steep.documents.cleaning.signs``), none of which leaves it
            out.
    """

    text: str
    title: str
    source: str
    locator: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    title_fields: tuple[str, ...] = ()
    language: str | None = None
    date: str | None = None
    licence: str | None = None
    flags: tuple[str, ...] = ()

    @functools.cached_property
    def id(self) -> str:
        """16 hexadecimal digits from source, locator and text."""
        return text_hash("\x1f".join((self.source, self.locator, self.text)))[:16]


@dataclass(frozen=True)
class Drop:
    """A document that was left out, and why; every input ends as a Document or a Drop.

    ``reason`` is one of the short codes counted in the ledger: "empty", "duplicate",
    "too large", "too slow", "unreadable encoding", "unreadable file", "unsupported format",
    "missing reader" (an extra isn't installed), "broke its reader", "refused member" (of an
    archive), "no text" (a scan), "ignored" (by a repository's own rules), "generated",
    "unclear date" (of entries that weren't parted), "poor text" (its flags were to be dropped),
    "repeated" (nothing in it is new), "a run of steep's" (a folder that holds one).
    """

    source: str
    locator: str
    reason: str
    detail: str = ""
