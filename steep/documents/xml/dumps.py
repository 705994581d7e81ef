"""XML that comes as dumps too long to hold: read record by record, whatever its length.

Wikipedia and other MediaWiki exports, Stack Exchange's posts, PubMed's citations, and MeSH.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from steep.documents.files.entry import Entry, UnreadableError
from steep.documents.formats import Fault, Piece
from steep.documents.pages.wiki import WikiPages
from steep.documents.xml.safe import local_name, parser_options, refuse_definitions

_HEAD_BYTES = 2**16
_ANSWER = "2"
_QUESTION = "1"
_LICENCE = "CC BY-SA"
_UNTOLD_PICTURE = re.compile(r"""\balt=(["'])enter (?:image|link) description here\1""")


def read_dump(entry: Entry, root: str) -> Iterator[Piece | Fault]:
    """Yield the pieces of a dump's records, located as ``RECORD N`` from 1.

    Raises:
        UnreadableError: it isn't well-formed (after the records before that place), or defines
            something itself.
    """
    from lxml import etree

    kind = KINDS[root]
    refuse_definitions(entry.head(_HEAD_BYTES).decode("utf-8", "replace"))
    reader = kind.reader()
    events = etree.iterparse(entry, events=("end",), tag=("{*}" + kind.record), **parser_options())
    number = 0
    try:
        for _, element in events:
            number += 1
            found = reader(element, f"{kind.record} {number}")
            if found is not None:
                yield found
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    except etree.XMLSyntaxError as error:
        said = " ".join(str(error.msg).split())
        detail = f"is not well-formed XML after {number} records ({said}); fetch it again"
        raise UnreadableError("unreadable file", detail) from error
    yield from getattr(reader, "rest", tuple)()
    if number == 0:
        yield Fault("empty", "has no records; leave it out")


def post() -> Any:
    """A reader of Stack Exchange's Posts.xml; an answer is told with its question's title."""
    from steep.documents.pages.markup import read_html

    titles: dict[str, str] = {}

    def read(row: Any, locator: str) -> Piece | Fault | None:
        number, kind = str(row.get("Id")), row.get("PostTypeId")
        if kind not in (_QUESTION, _ANSWER):
            return None  # wiki excerpts and the like
        written = _UNTOLD_PICTURE.sub("", row.get("Body") or "")
        body = "\n\n".join(p.text for p in read_html(written) if isinstance(p, Piece))
        title = row.get("Title") if kind == _QUESTION else titles.get(str(row.get("ParentId")))
        if kind == _QUESTION:
            titles[number] = str(title or "")
        head = f"{'Question' if kind == _QUESTION else 'Answer to'}: {title}\n\n" if title else ""
        tags = re.findall(r"[^<>|]+", row.get("Tags") or "")
        fields = (("tags", ", ".join(tags)),) if tags else ()
        licence = row.get("ContentLicense") or _LICENCE
        return Piece(
            head + body,
            title,
            locator,
            fields,
            date=(row.get("CreationDate") or "")[:10] or None,
            licence=licence,
        )

    return read


def citation() -> Any:
    """A reader of PubMed's citations: title and abstract, with the abstract's own headings."""

    def read(record: Any, locator: str) -> Piece | Fault:
        article = next((e for e in record.iter() if local_name(e) == "Article"), record)
        title = _first(article, "ArticleTitle") or _first(article, "VernacularTitle")
        blocks = [title] if title else []
        for part in (e for e in article.iter() if local_name(e) == "AbstractText"):
            label = (part.get("Label") or "").strip().capitalize()
            text = _said(part)
            blocks += [f"{label}: {text}" if label and text else text]
        terms = [_said(e) for e in record.iter() if local_name(e) == "DescriptorName"]
        fields = (("subjects", ", ".join(terms)),) if terms else ()
        year = _first(record, "Year")
        language = _first(article, "Language")
        if len([b for b in blocks if b]) < 2:
            return Fault("empty", "has no abstract", locator, fatal=False)
        return Piece("\n\n".join(blocks), title, locator, fields, language=language, date=year)

    return read


def heading() -> Any:
    """A reader of MeSH descriptors: the term, what it means, and its other names."""

    def read(record: Any, locator: str) -> Piece:
        name = _first(record, "DescriptorName") or ""
        note = _first(record, "ScopeNote")
        terms = [_first(e, "String") for e in record.iter() if local_name(e) == "Term"]
        others = list(dict.fromkeys(t for t in terms if t and t != name))
        trees = [_said(e) for e in record.iter() if local_name(e) == "TreeNumber"]
        fields = {"term": name, "id": _first(record, "DescriptorUI") or ""}
        fields |= {"tree numbers": ", ".join(trees), "also called": ", ".join(others[:20])}
        blocks = [f"{name}: {note}" if note else name]
        if others:
            blocks.append(f"{name} is also called {', '.join(others)}.")
        kept = tuple((k, v) for k, v in fields.items() if 0 < len(v) <= 200)
        return Piece("\n\n".join(blocks), name, locator, kept, ("term",))

    return read


def _first(element: Any, name: str) -> str | None:
    found = next((e for e in element.iter() if local_name(e) == name), None)
    return (_said(found) or None) if found is not None else None


def _said(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())


class Kind(NamedTuple):
    """What a dump's records are called, and what makes a reader of them."""

    record: str
    reader: Callable[[], Any]


KINDS = {
    "mediawiki": Kind("page", WikiPages),
    "posts": Kind("row", post),
    "PubmedArticleSet": Kind("PubmedArticle", citation),
    "DescriptorRecordSet": Kind("DescriptorRecord", heading),
}
"""By the name of the root element."""
