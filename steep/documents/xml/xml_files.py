"""XML of any schema, read safely: records, each a document, or one document of paragraphs.

How it is parsed, and what isn't, stands in ``safe``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from steep.documents.files.entry import Entry, UnreadableError
from steep.documents.formats import Fault, Piece
from steep.documents.tables.fields import (
    LONGEST_FIELD_CHARACTERS,
    TITLE_FIELDS,
    WITHIN,
    short_fields,
)
from steep.documents.xml.dumps import KINDS, read_dump
from steep.documents.xml.feeds import read_feed
from steep.documents.xml.jats import is_jats, read_jats
from steep.documents.xml.safe import parse_xml
from steep.documents.xml.shape import Shape, TooDeepError, find_shape, local_name
from steep.documents.xml.statutes import is_statute, read_statute
from steep.documents.xml.text import Said, read_fields, read_prose, words

MAX_XML_CHARACTERS = 128 * 2**20
"""A parsed file takes several times its size in memory, twenty times if it is nearly all tags."""
_MOST_FIELDS = 60
"""A file without records or prose that holds no more than this is itself a record."""
_BETWEEN = " > "
_CODES = ("code", "id", "number", "key")
_LABELS = ("label", "term", "caption", "display", "desc", "description", "question")
_CODE = re.compile(r"(?=\S*\d)\S{1,30}")
_HEAD_BYTES = 2**14
_FIRST_ELEMENT = re.compile(
    r"[\s\ufeff]*(?:<\?.*?\?>\s*|<!--.*?-->\s*|<!DOCTYPE[^<>\[]*>\s*)*<(?:[\w.-]+:)?([\w.-]+)",
    re.DOTALL,
)
_NO_WORD = re.compile(r"\W+")


def read_xml_entry(entry: Entry) -> Iterator[Piece | Fault]:
    """As ``read_xml``; formats that say what they are have readers of their own."""
    head = entry.head(_HEAD_BYTES).decode("utf-8", "replace")
    root = _root_name(head)
    if root in KINDS:
        yield from read_dump(entry, root)
        return
    text = entry.text(declared=True)
    if len(text) > MAX_XML_CHARACTERS:
        limit = f"has more than {MAX_XML_CHARACTERS:,} characters of XML; split the file"
        yield Fault("too large", limit)
    elif root in ("article", "pmc-articleset") and is_jats(text):
        yield from read_jats(text)
    elif root in ("rss", "feed", "RDF") and (root != "RDF" or "rss/1.0" in text[:_HEAD_BYTES]):
        yield from read_feed(text)
    elif is_statute(root, head):
        yield from read_statute(text)
    else:
        yield from read_xml(text)


def _root_name(head: str) -> str:
    """The name of the first element, without its namespace's prefix."""
    found = _FIRST_ELEMENT.match(head)
    return found[1] if found else ""


def read_xml(text: str) -> Iterator[Piece | Fault]:
    """Yield one piece per record (``TAG N``, counted from 1 for each tag), else one for all.

    What stands outside the records is a piece of its own, without a locator. A record's text
    is its fields as sentences and its longer texts as paragraphs; records inside others are
    their own, and say in the field "within" what they are part of.
    """
    try:
        root = parse_xml(text)
    except UnreadableError as error:
        yield Fault(error.reason, error.detail, error.locator)
        return
    try:
        shape = find_shape(root)
    except TooDeepError:
        yield Fault("unreadable file", "nests elements too deeply; flatten it")
        return
    if not shape.records and not shape.prose and _is_small(root):
        yield _piece(root, read_fields(root, shape), "")
        return
    if not shape.records:
        blocks = read_prose(root, shape)
        yield Piece("\n\n".join(blocks), _title_of_prose(root))
        return
    rest = read_fields(root, shape)
    if rest.fields or rest.blocks:
        yield _piece(root, rest, "")
    yield from _records(root, (), shape, Counter())


def _is_small(root: Any) -> bool:
    return sum(not len(element) for element in root.iter()) <= _MOST_FIELDS


def _records(
    element: Any, within: tuple[str, ...], shape: Shape, numbers: Counter[str]
) -> Iterator[Piece]:
    """Yield the records below an element in the file's order."""
    for child in element:
        if child.tag not in shape.records and child.tag not in shape.carriers:
            continue
        said = read_fields(child, shape)
        above = within
        if child.tag in shape.records:
            name = local_name(child.tag)
            numbers[name] += 1
            own = Said({**said.fields}, said.blocks)
            if within:
                written = [said.fields[WITHIN]] if WITHIN in said.fields else []
                own.fields[WITHIN] = "; ".join([*written, _nearest(within)])
            yield _piece(child, own, f"{name} {numbers[name]}")
        if child.tag in shape.carriers:
            title = title_of(said.fields, words(child.tag))[0]
            above = within if title is None else (*within, title)
            yield from _records(child, above, shape, numbers)


def _nearest(within: Sequence[str]) -> str:
    """What a record is part of: its parent, and of what is above it as much as fits a field.

    Parents say the rest themselves; the same long chain in every record would make them copies
    of one another.
    """
    said = within[-1]
    for title in reversed(within[:-1]):
        longer = f"{title}{_BETWEEN}{said}"
        if len(longer) > LONGEST_FIELD_CHARACTERS:
            break
        said = longer
    return said


def _piece(element: Any, said: Said, locator: str) -> Piece:
    title, names = title_of(said.fields, words(element.tag))
    return Piece(said.text(), title, locator, short_fields(said.fields), names)


def title_of(fields: Mapping[str, str], record: str) -> tuple[str | None, tuple[str, ...]]:
    """Return a record's title and the names of the fields it is made of.

    A field named like a title is it; one that is only a code ("A00.1") has the label put behind
    it. Without either, a field whose name ends like a title's is.
    """
    by_name = {name.casefold(): name for name in reversed(list(fields))}
    title = _first(by_name, [name for name in TITLE_FIELDS if name not in _CODES])
    if title is not None and not _CODE.fullmatch(fields[title]):
        return fields[title], (title,)
    code = title or _first(by_name, _CODES)
    label = _first(by_name, _LABELS)
    if code is not None and label is not None:
        both = fields[label]
        known = f" {_NO_WORD.sub(' ', fields[code])} " in f" {_NO_WORD.sub(' ', both)} "
        both = both if known else f"{fields[code]} {both}"
        return both, (code, label)
    chosen = label or _ends_like_title(by_name, record) or code
    return (fields[chosen], (chosen,)) if chosen is not None else (None, ())


def _first(by_name: Mapping[str, str], wanted: Sequence[str]) -> str | None:
    return next((by_name[name] for name in wanted if name in by_name), None)


def _ends_like_title(by_name: Mapping[str, str], record: str) -> str | None:
    """ "article title" of an article, else the shallowest "… title", "… name" or the like."""
    own = {f"{word} {last}" for word in record.casefold().split() for last in TITLE_FIELDS[:2]}
    for name, written in by_name.items():
        if " ".join(name.split()[-2:]) in own:
            return written
    ends = ("title", "name", "label", "term", "heading")
    alike = [
        name
        for name in by_name
        if name.rpartition(" ")[2] in ends and not any(part.isdigit() for part in name.split())
    ]
    return by_name[min(alike, key=lambda name: len(name.split()))] if alike else None


def _title_of_prose(root: Any) -> str | None:
    """The title of an article: the element named so, the most telling name first."""
    wanted = [f"{words(root.tag).casefold()} title", "title", "head", "heading"]
    found: dict[str, str] = {}
    for element in root.iter():
        name = words(element.tag).casefold()
        kind = name if name in wanted else "other" if name.endswith(" title") else None
        text = " ".join("".join(element.itertext()).split()) if kind is not None else ""
        if kind is not None and text:
            found.setdefault(kind, text)
    return next((found[kind] for kind in [*wanted, "other"] if kind in found), None)
