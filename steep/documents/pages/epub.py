"""EPUB books: a document per chapter file, in the order of reading."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from steep.documents.files.archive import open_zip, read_part
from steep.documents.files.encoding import decode
from steep.documents.files.entry import Entry, UnreadableError
from steep.documents.formats import Fault, Piece
from steep.documents.pages.markup import read_html
from steep.documents.xml.safe import local_name, parse_part

_EMPTY_ELEMENT = re.compile(r"<(title|script|style|a|i|b|em|span|div|p|td|th|li)(\s[^<>]*)?/>")


def read_xhtml(text: str, *, is_book: bool = False) -> Iterator[Piece | Fault]:
    """As ``read_html``; an empty element in XML's short form doesn't swallow what follows it."""
    return read_html(_EMPTY_ELEMENT.sub(r"<\1\2></\1>", text), is_book=is_book)


def read_epub(entry: Entry) -> Iterator[Piece | Fault]:
    """Yield one piece per chapter, located by its file, titled "Book: Chapter".

    The table of contents, and what the book says isn't part of its flow, are left out.
    """
    archive = open_zip(entry)
    try:
        container = parse_part(read_part(archive, "META-INF/container.xml", entry))
        package = next(str(e.get("full-path")) for e in container.iter() if e.get("full-path"))
        root = parse_part(read_part(archive, package, entry))
    except (KeyError, StopIteration):
        detail = "is a zip file without a book in it; fetch or save it again"
        raise UnreadableError("unreadable file", detail) from None
    said: dict[str, str] = {}
    for element in root.iter():
        if isinstance(element.tag, str) and element.text and element.text.strip():
            said.setdefault(local_name(element), element.text.strip())
    encrypted = "META-INF/encryption.xml" in archive.namelist()
    for name in _chapters(root, posixpath.dirname(package)):
        try:
            text = decode(read_part(archive, name, entry), declared=True)
        except KeyError:
            yield Fault("unreadable file", "isn't in the book", name, fatal=False)
            continue
        except Exception:
            if not encrypted:
                raise
            detail = "is encrypted (a book with copy protection can't be read)"
            yield Fault("unreadable file", detail, name)
            continue
        for found in read_xhtml(text, is_book=True):
            if isinstance(found, Piece):
                yield Piece(
                    found.text,
                    _title(said.get("title"), found.title),
                    name,
                    language=said.get("language"),
                    date=said.get("date", "")[:10] or None,
                    licence=said.get("rights"),
                )


def _chapters(root: Any, folder: str) -> list[str]:
    """The files of the book's flow, in order, without its navigation."""
    items = {e.get("id"): e for e in root.iter() if local_name(e) == "item"}
    names = []
    for reference in root.iter():
        if local_name(reference) != "itemref" or reference.get("linear") == "no":
            continue
        item = items.get(reference.get("idref"))
        if item is None or "nav" in str(item.get("properties") or "").split():
            continue
        if "html" in str(item.get("media-type") or "html"):
            target = unquote(str(item.get("href")).partition("#")[0])
            names.append(posixpath.normpath(posixpath.join(folder, target)))
    return list(dict.fromkeys(names))  # a file may be named once for each of its sections


def _title(book: str | None, chapter: str | None) -> str | None:
    chapter = (chapter or "").rstrip(" -–—|:")
    if book and chapter and chapter.casefold() not in book.casefold():
        return f"{book}: {chapter}"
    return book or chapter
