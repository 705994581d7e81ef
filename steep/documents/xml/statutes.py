"""Laws in the three schemas that states publish them in: USLM (United States), Akoma Ntoso
(Britain, Switzerland, Italy, South Africa …) and Formex 4 (European Union).

A section or an article is a document: its heading, the divisions it stands in, and its text with
each numbered subdivision on a line of its own. What stands outside sections (preamble, recitals,
schedules, annexes) is a document for each division. Metadata, tables of contents, and notes by
editors (sources, amendments, references) are left out: they aren't the law's words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from steep.documents.formats import Fault, Piece
from steep.documents.pages.grid import Cell, table_lines
from steep.documents.tables.fields import LONGEST_FIELD_CHARACTERS, WITHIN
from steep.documents.xml import statute_meta
from steep.documents.xml.safe import local_name, parse_xml
from steep.documents.xml.statute_meta import first

# No name of one schema means something else in another: Formex writes its own in capitals.
_UNITS = {"section", "article", "rule", "courtRule", "ARTICLE"}
_UNITS |= {"notice", "proposedRule", "presidentialDoc"}  # of the Federal Register
_DIVISIONS = {
    *("title", "subtitle", "chapter", "subchapter", "part", "subpart", "division", "subdivision"),
    *("book", "tome", "hcontainer", "attachment", "appendix", "schedule", "annex", "preamble"),
    *("DIVISION", "ANNEX", "PREAMBLE"),
}
_QUOTED = {"quotedContent", "quotedStructure", "embeddedStructure", "QUOT.S"}
_NUMBERS = {"num", "NO.PARAG", "NO.P", "NO.CONS", "NO.ART"}
_HEADINGS = {"heading", "subheading", "TI.ART", "STI.ART", "TI", "STI"}
_TABLES = {"table", "TBL"}
_LINES = {  # begin a line of their own
    *("subsection", "paragraph", "subparagraph", "clause", "subclause", "item", "subitem"),
    *("level", "point", "indent", "alinea", "list", "blockList", "p", "block", "chapeau"),
    *("continuation", "content", "intro", "wrapUp", "wrap", "listIntroduction", "listWrapUp"),
    *("recital", "citation", "formula", "longTitle", "caption", "docTitle", "enactingFormula"),
    *("preface", "conclusions", "signatures", "signature", "container", "TITLE", "PARAG"),
    *("ALINEA", "P", "TXT", "LIST", "ITEM", "NP", "CONSID", "VISA", "GR.CONSID.INIT", "DLIST"),
    *("DLIST.ITEM", "FINAL", "SIGNATURE", "PL.DATE", "SIGNATORY", "CONTENTS", "GR.SEQ"),
    *_UNITS,
    *_DIVISIONS,
    *_QUOTED,
}
_LEFT_OUT = {
    *("meta", "notes", "note", "sourceCredit", "toc", "tocItem", "TOC", "page", "authorialNote"),
    *("noteRef", "remark", "coverPage", "BIB.INSTANCE", "BIB.DATA", "BIB.DOC"),
    *("sidenote", "footnote", "editorialNote", "explanationNote", "organizationNote"),
    *("citationNote", "editionNote", "findingAidsNote", "source", "legislativeHistory"),
    *("endMarker", "ear", "leftRunningHead", "rightRunningHead", "billingCode", "frDocId"),
    *("NOTE", "GR.NOTES", "INFO.CONSLEG", "INFO.PROD", "FAM.COMP", "GR.ANNOTATION"),
}
_FORMEX_ROOTS = {"ACT", "CONS.ACT", "CONS.DOC", "ANNEX", "CONS.ANNEX"}
_FORMEX_LISTS = {"DOC", "PUBLICATION"}
_FORMEX = re.compile(r"formex|<(?:BIB\.INSTANCE|ENACTING\.TERMS|TI\.ART|INFO\.CONSLEG)\b")
_USLM = re.compile(r"""=["'][^"'\s]*/uslm["'/]""")
_CITED = re.compile(r"\bThis Act\b.{0,40}\bcited as\b", re.DOTALL)
_BETWEEN = " > "
_ENDS = ("—", "–", "-", ".", ":", "§")
_BARE_NUMBER = re.compile(r"\W?\w{1,6}\W?")


def is_statute(root: str, head: str) -> bool:
    """True for a file of one of the schemas.

    Args:
        root: the first element's name.
        head: the beginning of the file.
    """
    if root in _FORMEX_ROOTS | _FORMEX_LISTS:
        return bool(_FORMEX.search(head))
    return root == "akomaNtoso" or bool(_USLM.search(head))


def read_statute(text: str) -> Iterator[Piece | Fault]:
    """Yield a piece for each section or article, and for what stands outside them.

    A piece is located by the name of its element and its number among those of that name.
    """
    root = parse_xml(text)
    if local_name(root) in _FORMEX_LISTS:
        detail = "says only which files a Formex document is in; name those, or leave it out"
        yield Fault("no text", detail, fatal=False)
        return
    yield from _Law(root).pieces()


class _Law:
    """A parsed law: which elements are its units, and what is known of the whole."""

    def __init__(self, root: Any) -> None:
        self._start, self._name = _beginning(root)
        self._units, self._above = _find_parts(root)
        self._counts: Counter[str] = Counter()
        self._date, self._language = statute_meta.date(root), statute_meta.language(root)
        self._licence = statute_meta.licence(root)

    def pieces(self) -> Iterator[Piece]:
        """All pieces, in the order of the law."""
        return self._division(self._start, ())

    def _division(self, element: Any, chain: tuple[str, ...]) -> Iterator[Piece]:
        """A division's own text, then its units and the divisions inside it, in their order."""
        lines, inner = _Lines(), list[Piece]()
        self._outside(element, chain, lines, inner)
        if blocks := lines.blocks():
            yield self._piece(element, chain, blocks)
        yield from inner

    def _outside(
        self, element: Any, chain: tuple[str, ...], lines: _Lines, inner: list[Piece]
    ) -> None:
        heading_parts = _heading_parts(element)
        lines.say(element.text)
        for child in element:
            if local_name(child) not in _LEFT_OUT and child not in heading_parts:
                self._part(child, chain, lines, inner)
            lines.say(child.tail)

    def _part(
        self, element: Any, chain: tuple[str, ...], lines: _Lines, inner: list[Piece]
    ) -> None:
        heading = _heading(element)
        below = (*chain, heading) if heading else chain
        if element in self._units:
            own = _Lines(skipped=_heading_parts(element))
            own.read(element)
            if blocks := own.blocks():
                inner.append(self._piece(element, below, blocks))
            elif heading:  # a repealed section and the like has nothing else
                lines.block(heading)
        elif local_name(element) in _DIVISIONS:
            found = list(self._division(element, below))
            inner += found
            if heading and not found:
                lines.block(heading)
        elif element in self._above:
            self._outside(element, below, lines, inner)
        else:
            lines.element(element)

    def _piece(self, element: Any, chain: Sequence[str], blocks: Sequence[str]) -> Piece:
        name = local_name(element)
        self._counts[name] += 1
        # The law and the section: with all divisions between, both would be lost in the title.
        title = _BETWEEN.join(part for part in (self._name, *chain[-1:]) if part)
        within = _BETWEEN.join(part for part in (self._name, *chain[:-1]) if part and chain)
        return Piece(
            "\n\n".join(part for part in (_BETWEEN.join(chain[:-1]), *chain[-1:], *blocks) if part),
            title or None,
            f"{name} {self._counts[name]}",
            ((WITHIN, within),) if 0 < len(within) <= LONGEST_FIELD_CHARACTERS else (),
            language=self._language,
            date=self._date,
            licence=self._licence,
        )


def _beginning(root: Any) -> tuple[Any, str]:
    """The element to begin at, and the law's name.

    A title of the United States Code is a file whose only division it is.
    """
    main = first(root, "main")
    divisions = [] if main is None else [c for c in main if local_name(c) in _DIVISIONS]
    if local_name(root) == "uscDoc" and len(divisions) == 1:
        return divisions[0], _heading(divisions[0])
    return root, _name(root)


def _find_parts(root: Any) -> tuple[set[Any], set[Any]]:
    """(sections or articles that hold no others, all elements above one or above a division).

    What a law quotes of another is text.
    """
    candidates: list[Any] = []
    divisions: list[Any] = []
    waiting = [root]
    while waiting:
        element = waiting.pop()
        name = local_name(element)
        if name in _LEFT_OUT or name in _QUOTED:
            continue
        if name in _UNITS:
            candidates.append(element)
        elif name in _DIVISIONS:
            divisions.append(element)
        waiting.extend(element)
    holding = {ancestor for one in candidates for ancestor in one.iterancestors()}
    units = {one for one in candidates if one not in holding}
    apart = (one for one in divisions if units.isdisjoint(one.iterancestors()))
    return units, holding.union(*(one.iterancestors() for one in apart))


def _heading_parts(element: Any) -> list[Any]:
    """The children that are an element's number and heading."""
    found = [c for c in element if local_name(c) in _NUMBERS | _HEADINGS]
    if local_name(element) in _DIVISIONS | _FORMEX_ROOTS:
        found += [c for c in element if local_name(c) == "TITLE"]
    return found


def _heading(element: Any) -> str:
    """Number and heading in one line: "§ 2. Dues", "Article 1 – Subject matter"."""
    line = ""
    for part in filter(None, map(_line, _heading_parts(element))):
        if line.endswith("—"):
            line += part
        elif not line or line.endswith(_ENDS) or _BARE_NUMBER.fullmatch(line):
            line = f"{line} {part}"
        else:
            line = f"{line} – {part}"
    return line.strip()


def _line(element: Any) -> str:
    """An element's words in one line, without what is left out."""
    lines = _Lines()
    lines.read(element)
    return " ".join(lines.blocks())


class _Lines:
    """Text being read, a line for each subdivision; numbers wait for the words behind them."""

    def __init__(self, skipped: Sequence[Any] = ()) -> None:
        self._blocks: list[str] = []
        self._run: list[str] = []
        self._holds: set[str] = set()  # of "number", "heading", "text"
        self._skipped = skipped

    def blocks(self) -> list[str]:
        """Everything read so far, as paragraphs."""
        self._end()
        return self._blocks

    def block(self, text: str) -> None:
        """Put a paragraph in."""
        self._end()
        self._blocks.append(text)

    def say(self, text: str | None) -> None:
        """Put words in that stand in no element of their own."""
        self._say(text or "", "text")

    def element(self, element: Any) -> None:
        """Read an element as one that stands among others."""
        name = local_name(element)
        if name in _LEFT_OUT or not name or element in self._skipped:
            return
        if name in _NUMBERS:
            if self._holds - {"number"}:
                self._end()
            self._say(f"{_line(element)} ", "number")
        elif name in _HEADINGS:
            if "text" in self._holds:
                self._end()
            heading = _line(element)
            self._say(f"{heading} ", "heading")
            if not heading.endswith(_ENDS):
                self._end()
        elif name in _TABLES:
            self._end()
            self._blocks += _table(element)
        elif name in ("QUOT.START", "QUOT.END"):
            self._say(_quotation_mark(element), "text")
        else:
            stands_alone = name in _LINES
            if stands_alone and "text" in self._holds:
                self._end()
            self._say(element.get("startQuote") or "", "number")  # it waits for words as one does
            self.read(element)
            self._close(element.get("endQuote") or "")
            if stands_alone and "text" in self._holds:
                self._end()

    def read(self, element: Any) -> None:
        """Read what is inside an element."""
        is_mixed = _is_mixed(element)
        self._say(element.text or "", "text")
        for child in element:
            self.element(child)
            # Words in a text have spaces where they want them; parts of a form have none.
            self._say((child.tail or "") if is_mixed else " ", "text")

    def _close(self, mark: str) -> None:
        """Put a closing quotation mark right behind the last word."""
        if self._holds:
            self._run = ["".join(self._run).rstrip() + mark]
        elif self._blocks:
            self._blocks[-1] += mark

    def _say(self, text: str, kind: str) -> None:
        self._run.append(text)
        if text.strip():
            self._holds.add(kind)

    def _end(self) -> None:
        line = " ".join("".join(self._run).split())
        self._run, self._holds = [], set()
        if line:
            self._blocks.append(line)


def _is_mixed(element: Any) -> bool:
    """True if text stands between an element's children."""
    said = [element.text, *(child.tail for child in element)] if len(element) else [element.text]
    return any(text and text.strip() for text in said)


def _quotation_mark(element: Any) -> str:
    """The character that a Formex quotation names by its code."""
    code = str(element.get("CODE") or "")
    return chr(int(code, 16)) if re.fullmatch(r"20[0-9A-Fa-f]{2}|00AB|00BB", code) else '"'


def _table(table: Any) -> list[str]:
    rows: list[list[Cell]] = []
    for row in (e for e in table.iter() if local_name(e) in ("tr", "ROW")):
        is_head = row.get("TYPE") == "HEADER" or local_name(row.getparent()) == "thead"
        rows.append([_cell(c, is_head) for c in row if local_name(c) in ("td", "th", "CELL")])
    titles = [_line(c) for c in table if local_name(c) in ("caption", "TITLE", "num", "heading")]
    return [line for line in (*titles, "\n".join(table_lines(rows))) if line]


def _cell(cell: Any, is_head: bool) -> Cell:
    is_head = is_head or local_name(cell) == "th" or cell.get("TYPE") == "HEADER"
    spans = (cell.get(name) or cell.get(name.upper()) or "1" for name in ("colspan", "rowspan"))
    columns, rows = map(str, spans)
    return _line(cell), is_head, columns, rows


def _name(root: Any) -> str:
    """What the law is called: its short title, its title as it is printed or as it is filed."""
    if local_name(root) in _FORMEX_ROOTS:
        return _heading(root)
    if local_name(root) != "akomaNtoso" and (said := _cited(root) or statute_meta.filed(root)):
        return said  # what is printed there is "An Act"
    # Attachments have titles too, in places of their own.
    fronts = [first(root, name) for name in ("preface", "preamble", "coverPage")]
    printed = (_named(front, name) for front in fronts for name in ("docTitle", "shortTitle"))
    long = (_named(root, name) for name in ("longTitle", "docTitle"))
    return (
        next(filter(None, printed), "") or statute_meta.filed(root) or next(filter(None, long), "")
    )


def _named(place: Any, name: str) -> str:
    found = first(place, name)
    return "" if found is None else _line(found)


def _cited(root: Any) -> str:
    """As the law says that it may be cited."""
    for element in root.iter():
        if local_name(element) == "shortTitle" and _CITED.search(element.getparent().text or ""):
            return _line(element).strip("“”\"'‘’ ")
    return ""
