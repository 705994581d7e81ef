"""MediaWiki's text as a reader of the page sees it: paragraphs, lists, code and rows of tables.

What the markup hides from a language is kept from the parser first: code as it stands, and which
lines are headings, items or typed as they are to look. The rest mwparserfromhell parses, and here
it is said node by node. References, pictures, categories and navigation go.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from steep.documents.pages.grid import Cell, table_lines
from steep.documents.pages.wiki_blocks import (
    BREAK,
    GONE,
    HEADING,
    HELD,
    HELD_END,
    ITEM,
    ITEM_END,
    MARKS,
    TYPED,
    page_text,
)
from steep.documents.pages.wiki_templates import Call, say_template

_LITERAL = ("nowiki", "pre", "syntaxhighlight", "source", "code", "math", "chem", "ce", "poem")
_UNSAID = (
    *("ref", "references", "gallery", "timeline", "score", "templatestyles", "imagemap", "graph"),
    *("mapframe", "maplink", "includeonly", "style", "script", "hiero"),
)
_SPECIAL = re.compile(
    rf"<!--|<(/?)({'|'.join((*_LITERAL, *_UNSAID))})(?=[\s/>])([^<>]*)>", re.IGNORECASE
)
_BLOCK_TAG = re.compile(
    r"</?(?:div|p|center|blockquote|ul|ol|dl|hr|section|noinclude|onlyinclude)\b[^<>]*>",
    re.IGNORECASE,
)
_HTML_ITEM = re.compile(r"<(li|dd|dt)\b[^<>]*>|</(?:li|dd|dt)\s*>", re.IGNORECASE)
_ITEM_MARKERS = {"li": "\n* ", "dt": "\n; ", "dd": "\n: "}
_BREAK_TAG = re.compile(r"<br\b[^<>]*>", re.IGNORECASE)
_HTML_HEADING = re.compile(r"<h([1-6])\b[^<>]*>([^<>\n]*)</h\1\s*>", re.IGNORECASE)
_SWITCH = re.compile(r"__(?:NO|FORCE)?(?:TOC|EDITSECTION|INDEX|GALLERY|NEWSECTIONLINK)__")
_MARKERS = re.compile(r"[*#:;]+")
_RULE = re.compile(r"-{4,}")
_INTERLANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]+)*:\S")
_POWER = str.maketrans("0123456789+-−n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻ⁿ")
_MARKED = re.compile(f"{ITEM}[^{ITEM_END}]*{ITEM_END}|[{TYPED}{BREAK}{HEADING}{GONE}]")


@dataclass
class Names:
    """A wiki's namespaces as links name them, in lower case; ``dropped`` those of links that place
    a picture or sort the page."""

    all: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=lambda: {"file", "image", "category"})


def wikitext_to_text(
    wikitext: str, parser: Any, names: Names | None = None, title: str = ""
) -> str:
    """What a page says.

    Args:
        parser: the module mwparserfromhell.
        names: of the wiki's namespaces.
        title: of the page, for text that names it by a variable.
    """
    page = _Page(names or Names(), title)
    bare = wikitext.translate(MARKS).replace("\r\n", "\n")
    marked = _marked(_SWITCH.sub("", page.hold_literal(bare)))
    said = page.say(parser.parse(marked, skip_style_tags=False))
    return page_text(said, page.held)


def _marked(text: str) -> str:
    """The text with marks on the lines whose beginning means something."""
    text = _HTML_HEADING.sub(lambda m: f"\n{'=' * int(m[1])}{m[2]}{'=' * int(m[1])}\n", text)
    text = _HTML_ITEM.sub(lambda m: _ITEM_MARKERS[m[1].lower()] if m[1] else "", text)
    text = _BREAK_TAG.sub(BREAK, _BLOCK_TAG.sub("\n\n", text))
    return "\n".join(map(_marked_line, text.split("\n")))


def _marked_line(line: str) -> str:
    bare = line.strip()
    if not bare:
        return ""
    if bare[0] == "=" and bare[-1] == "=" and bare.strip("="):
        level = min(len(bare) - len(bare.lstrip("=")), len(bare) - len(bare.rstrip("=")), 6)
        return f"\n{HEADING}{level}{bare[level:-level].strip()}\n"
    if found := _MARKERS.match(line):
        rest = line[found.end() :].lstrip()
        return rest if rest.startswith("{|") else f"{ITEM}{found[0]}{ITEM_END}{rest}"
    if line[0] == " " and bare[0] not in "|!{}":
        return f"{TYPED}{line[1:]}"
    return "" if _RULE.fullmatch(bare) else line


class _Page:
    """A page while it is said. ``held``: texts that stand as they are, and whether as blocks."""

    def __init__(self, names: Names, title: str) -> None:
        self.names = names
        self.title = title
        self.held: list[tuple[str, bool]] = []

    def hold(self, text: str, *, is_block: bool) -> str:
        """A mark in place of a text that nothing may change."""
        if not text.strip():
            return GONE
        self.held.append((text, is_block))
        mark = f"{HELD}{len(self.held) - 1}{HELD_END}"
        return f"\n{mark}\n" if is_block else mark

    def hold_literal(self, text: str) -> str:
        """The text without comments and what isn't said, and with code held."""
        closing: defaultdict[str, list[int]] = defaultdict(list)
        for tag in _SPECIAL.finditer(text):
            if tag[1]:
                closing[tag[2].lower()].append(tag.start())
        comment_ends = [found.start() for found in re.finditer("-->", text)]
        parts: list[str] = []
        at = 0
        while found := _SPECIAL.search(text, at):
            parts.append(text[at : found.start()])
            at = found.end()
            if found[0] == "<!--":
                place = bisect_left(comment_ends, at)
                at = comment_ends[place] + 3 if place < len(comment_ends) else at
                continue
            name, attributes = found[2].lower(), found[3]
            if found[1] or attributes.endswith("/"):
                continue  # without its other half, or empty
            ends = closing[name]
            place = bisect_left(ends, at)
            if place == len(ends):
                continue
            inner = text[at : ends[place]]
            at = text.index(">", ends[place]) + 1
            parts.append(self._literal(name, attributes, inner))
        return "".join([*parts, text[at:]])

    def _literal(self, name: str, attributes: str, inner: str) -> str:
        if name in _UNSAID:
            return GONE if name in ("ref", "includeonly") else "\n"
        if name == "code" and "\n" not in inner.strip():
            return f"<code>{self.hold_literal(inner)}</code>"  # what is in it is parsed
        if name == "poem":
            stanzas = re.split(r"\n[ \t]*\n", self.hold_literal(inner).strip())
            return "\n\n" + "\n\n".join(text.replace("\n", BREAK) for text in stanzas) + "\n\n"
        is_block = "\n" in inner.strip() or name == "pre"
        if name in ("syntaxhighlight", "source"):
            is_block = "inline" not in attributes.lower()
        elif name in ("math", "chem", "ce"):
            return self.hold(" ".join(inner.split()), is_block=False)
        else:
            inner = html.unescape(re.sub(r"</?nowiki\s*/?>", "", inner))
        if name == "nowiki" and is_block:
            return self.hold(" ".join(inner.split()), is_block=False)
        code = inner.strip("\n").rstrip() if is_block else inner
        return self.hold(code, is_block=is_block)

    def say(self, code: Any) -> str:
        """What parsed text says, its marks still in it."""
        if code is None:
            return ""
        nodes = code.nodes
        said: list[str] = []
        before = ""
        for number, node in enumerate(nodes):
            following = nodes[number + 1] if number + 1 < len(nodes) else None
            part = self._node(node, before, following)
            if part:
                said.append(part)
                before = part
        return "".join(said)

    def _node(self, node: Any, before: str, following: Any) -> str:
        kind = type(node).__name__
        if kind == "Text":
            return str(node.value)
        if kind == "HTMLEntity":
            return str(node.normalize() or node)
        if kind == "Wikilink":
            return self._link(node)
        if kind == "ExternalLink":
            return self.say(node.title) or ("" if node.brackets else str(node.url))
        if kind == "Argument":
            return self.say(node.default)
        if kind == "Template":
            return self._template(node, before, following)
        if kind == "Tag":
            return self._tag(node)
        return self.say(node.title) if kind == "Heading" else ""

    def _tag(self, node: Any) -> str:
        name = str(node.tag).strip().lower()
        if name == "table":
            return self._table(node)
        said = self.say(node.contents)
        if name == "sup" and said and all(letter in "0123456789+-−n" for letter in said):
            return said.translate(_POWER)
        return said

    def _link(self, node: Any) -> str:
        title = str(node.title).strip()
        label = self.say(node.text).strip()
        prefix = title.partition(":")[0].strip().replace("_", " ").casefold()
        if ":" in title[1:] and not title.startswith(":"):
            is_other = _INTERLANGUAGE.match(title) and node.text is None
            if prefix in self.names.dropped or (is_other and prefix not in self.names.all):
                return GONE
        return label or title.lstrip(":")

    def _template(self, node: Any, before: str, following: Any) -> str:
        behind = str(following.value) if type(following).__name__ == "Text" else ""
        begins = not before or before.endswith("\n")
        ends = following is None or behind.startswith("\n")
        positional = [p.value for p in node.params if not p.showkey]
        named = {str(p.name).strip().casefold(): p.value for p in node.params if p.showkey}
        call = Call(
            " ".join(str(node.name).replace("_", " ").split()),
            lambda number: self._argument(positional, number),
            len(positional),
            {name: partial(self._said, value) for name, value in named.items()},
            stands_alone=begins and ends,
            stands_apart=begins or before[-1] in f" (\u00a0{ITEM_END}",
        )
        said = say_template(call, self.title)
        return (f"\n{said}\n" if call.stands_alone else said) if said else GONE

    def _argument(self, positional: Sequence[Any], number: int) -> str:
        return self._said(positional[number]) if number < len(positional) else ""

    def _said(self, value: Any) -> str:
        return self.say(value).strip()

    def _table(self, node: Any) -> str:
        rows: list[list[Cell]] = [[]]
        caption = ""
        for part in node.contents.nodes if node.contents is not None else ():
            name = str(part.tag).strip().lower() if type(part).__name__ == "Tag" else ""
            if name in ("tbody", "thead", "tfoot", "tr"):
                inner = part.contents.nodes if part.contents is not None else ()
                trs = [part] if name == "tr" else [n for n in inner if type(n).__name__ == "Tag"]
                for row in trs:
                    cells = row.contents.nodes if row.contents is not None else ()
                    rows.append([cell for n in cells if (cell := self._cell(n)) is not None])
            elif name == "caption" or str(part).startswith("|+"):
                caption = self._flat(part).removeprefix("+").strip()
            elif (cell := self._cell(part)) is not None:
                rows[-1].append(cell)
        lines = table_lines([row for row in rows if row])
        return self.hold("\n".join([caption] * bool(caption and lines) + lines), is_block=True)

    def _cell(self, node: Any) -> Cell | None:
        name = str(node.tag).strip().lower() if type(node).__name__ == "Tag" else ""
        if name not in ("td", "th"):
            return None
        spans = [
            str(node.get(way).value).strip() if node.has(way) else "1"
            for way in ("colspan", "rowspan")
        ]
        return self._flat(node), name == "th", spans[0], spans[1]

    def _flat(self, node: Any) -> str:
        """A cell's text on one line, with what was held in it."""
        said = _MARKED.sub(" ", self.say(node.contents))
        whole = re.sub(
            f"{HELD}(\\d+){HELD_END}", lambda m: self.held[int(m[1])][0].replace("\n", " "), said
        )
        return " ".join(whole.split())
