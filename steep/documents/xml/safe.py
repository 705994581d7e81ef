"""Foreign XML parsed safely: no definitions, nothing fetched, no entity resolved."""

from __future__ import annotations

import html.entities
import re
from typing import Any

from steep.documents.files.entry import UnreadableError

_SPACE = re.compile(r"[\s\ufeff]*")
_SKIPPED = (("<?", "?>"), ("<!--", "-->"))
_DOCTYPE = "<!DOCTYPE"
_EXTERNAL = re.compile(
    r"""<!DOCTYPE\s+[^\s<>\[\]"']+(?:\s+PUBLIC\s*(?:"[^"<]*"|'[^'<]*')"""
    r"""|\s+SYSTEM)?(?:\s*(?:"[^"<]*"|'[^'<]*'))?\s*>"""
)
_NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31});")
_XMLS_OWN = ("amp", "lt", "gt", "quot", "apos")


def parser_options() -> dict[str, Any]:
    """What every parser of foreign XML here is told."""
    return {
        "resolve_entities": False,
        "load_dtd": False,
        "dtd_validation": False,
        "attribute_defaults": False,
        "no_network": True,
        "huge_tree": False,
        "recover": False,
        "remove_comments": True,
        "remove_pis": True,
    }


def parse_xml(text: str) -> Any:
    """The root element of a text.

    A ``<!DOCTYPE …>`` that only names a definition elsewhere is passed over, and the characters
    that HTML names (``&nbsp;``), which such definitions usually bring, are put in.

    Raises:
        UnreadableError: it isn't well-formed, or defines something itself.
    """
    from lxml import etree

    bare, named = _without_doctype(text)
    if named:
        bare = _NAMED.sub(_character, bare)
    # Whatever the file declares: it is decoded already.
    parser = etree.XMLParser(encoding="utf-8", **parser_options())
    try:
        root = etree.fromstring(bare.lstrip().encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:
        said = " ".join(str(error.msg).split())
        detail = f"is not well-formed XML ({said}); fix it"
        raise UnreadableError("unreadable file", detail, f"line {error.lineno}") from error
    # The parser has the last word on what a document type definition is.
    if root.getroottree().docinfo.doctype:
        raise _defines()
    return root


def parse_part(data: bytes) -> Any:
    """The root element of a part of a document that is XML in a zip; as ``parse_xml``."""
    from lxml import etree

    try:
        root = etree.fromstring(data, etree.XMLParser(**parser_options()))
    except etree.XMLSyntaxError as error:
        detail = f"holds a part that isn't well-formed ({error.msg}); save it again"
        raise UnreadableError("unreadable file", detail) from error
    if root.getroottree().docinfo.doctype:
        raise _defines()
    return root


def refuse_definitions(head: str) -> None:
    """Look at the beginning of a file that is too long to be held.

    Raises:
        UnreadableError: it defines entities or the like.
    """
    _without_doctype(head)


def local_name(element: Any) -> str:
    """An element's name without its namespace."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _without_doctype(text: str) -> tuple[str, bool]:
    """The text with the document type blanked out, and whether there was one.

    A document type stands before the first element, its only place.
    """
    at = 0
    while True:
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing too
        for begin, finish in _SKIPPED:
            if text.startswith(begin, at):
                end = text.find(finish, at + len(begin))
                if end < 0:
                    return text, False
                at = end + len(finish)
                break
        else:
            if not text.startswith(_DOCTYPE, at):
                return text, False
            found = _EXTERNAL.match(text, at)
            if found is None:
                raise _defines()
            lines = "\n" * found[0].count("\n")  # what follows keeps its line
            return text[:at] + lines + text[found.end() :], True


def _character(match: re.Match[str]) -> str:
    name = match[1]
    return match[0] if name in _XMLS_OWN else html.entities.html5.get(f"{name};", match[0])


def _defines() -> UnreadableError:
    return UnreadableError(
        "unreadable file",
        "has a document type definition (<!DOCTYPE … [ … ]>), which can name other files and"
        " expand without end; remove it to read the file",
    )
