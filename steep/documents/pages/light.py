"""Light markup: reStructuredText (with Sphinx's roles), AsciiDoc, and notebooks.

Marks go, what they say stays: headings and paragraphs alone, code with its indentation, the text
of links and roles without their targets, the content of notes and tables. What such documents
include from elsewhere isn't fetched.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from steep.documents.cleaning.clean import hold
from steep.documents.formats import Fault, Piece
from steep.documents.pages.grid import Cell, table_lines
from steep.documents.pages.markup import read_markdown

Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]

_UNDERLINE = re.compile(r"([=\-`:'\"~^_*+#<>.])\1{1,}\s*")
_DIRECTIVE = re.compile(r"(\s*)\.\.\s+(?:\|[^|\n]+\|\s+)?([\w:.-]+?)::\s*(.*)")
_COMMENT = re.compile(r"(\s*)\.\.(?:\s|$)")
_OPTION = re.compile(r"\s+:[\w-]+:(?:\s|$)")
_FIELD = re.compile(r":[\w -]+:(?:\s|$)")
_WITHOUT_TEXT = (
    "toctree image contents include literalinclude index raw meta currentmodule module highlight"
    " default-role role sectnum tabularcolumns plot"
)
_NO_TEXT = frozenset(_WITHOUT_TEXT.split(" "))
_NOTE = re.compile(r"(\s*)\.\.\s+\[(#[\w.-]*|\*|[\w.+-]+)\]\s+(\S.*)")
_HEADER = re.compile(r"\s*:header:\s*(.*)")
_VERSIONS = {
    "versionadded": "New in version",
    "versionchanged": "Changed in version",
    "versionremoved": "Removed in version",
    "deprecated": "Deprecated since version",
}
_GRID = re.compile(r"\s*\+(?:[-=]+\+)+\s*")
_SIMPLE = re.compile(r"\s*={2,}(?:\s+={2,})+\s*")
_LITERAL = re.compile(r"``(.+?)``(?!`)")
_RST_INLINE: tuple[Rule, ...] = (
    (re.compile(r":[\w:+.-]+:`(?:[!~])?([^`<]*?)\s*(?:<[^`>]*>)?`"), r"\1"),
    (re.compile(r"`([^`<]+?)\s*<[^`>]*>`__?"), r"\1"),
    (re.compile(r"`([^`]+)`(?:__?)?"), r"\1"),
    (re.compile(r"\s?\[(?:#[\w.-]*|\*)\]_"), ""),
    (re.compile(r"\*\*(\S(?:.*?\S)?)\*\*"), r"\1"),
    (re.compile(r"(?<![\w*])\*(\S(?:[^*]*?\S)?)\*(?![\w*])"), r"\1"),
    (re.compile(r"\|(\S[^|]*?)\|_?_?"), r"\1"),
    (re.compile(r"(\w)_\b(?!\w)"), r"\1"),
    (re.compile(r"(\[[\w.+-]+\])_(?!\w)"), r"\1"),
    (re.compile(r"\\([^\w\s])"), r"\1"),
)


def read_rst(text: str) -> Iterator[Piece | Fault]:
    """Yield the one document of a reStructuredText file, titled by its first heading."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(8).split("\n")
    out: list[str] = []
    title: str | None = None
    at = 0
    while at < len(lines):
        line = lines[at]
        if (directive := _DIRECTIVE.fullmatch(line)) and not line.strip().endswith("\\"):
            at, said = _directive(lines, at, directive)
            out += said
        elif note := _NOTE.fullmatch(line):
            end = _end_of_block(lines, at)
            named = "" if note[2][0] in "#*" else f"[{note[2]}] "
            said = [note[3], *(line.strip() for line in lines[at + 1 : end] if line.strip())]
            out.append(named + " ".join(_inline(line, _RST_INLINE) for line in said))
            at = end
        elif _COMMENT.match(line):
            at = _end_of_block(lines, at)
        elif _UNDERLINE.fullmatch(line) and _is_heading(lines, at):
            title = title or out[-1].strip() if out and out[-1].strip() else title
            at += 1
        elif _GRID.fullmatch(line) or _SIMPLE.fullmatch(line) or _UNDERLINE.fullmatch(line):
            at += 1
        elif not out and (_FIELD.match(line) or not line.strip()):
            at += 1  # fields before everything are about the file
        else:
            out.append(_inline(line, _RST_INLINE))
            at += 1
            if line.rstrip().endswith("::"):
                at = _code(lines, at, out)
    yield Piece("\n".join(out), title, may_be_wrapped=True)


def _directive(lines: list[str], at: int, found: re.Match[str]) -> tuple[int, list[str]]:
    """(where it ends, what it says): its argument and content, without its options."""
    name, argument = found[2].casefold(), found[3]
    end = _end_of_block(lines, at)
    if name in _NO_TEXT or name.startswith("auto"):
        return end, []
    body = lines[at + 1 : end]
    if name == "csv-table":
        return end, ["", *_csv_table(argument, body), ""]
    while body and _OPTION.match(body[0]):
        body = body[1:]
    indented = [line for line in body if line.strip()]
    margin = min((len(line) - len(line.lstrip()) for line in indented), default=0)
    if name in ("code-block", "code", "sourcecode", "math", "parsed-literal", "prompt"):
        return end, ["", *(hold(line[margin - 4 if margin > 4 else 0 :]) for line in body), ""]
    if name in ("list-table", "table"):
        body = [re.sub(r"^(\s*)\*\s+-", r"\1-", line) for line in body]
    inner = "\n".join(line[margin:] for line in body)
    (piece,) = read_rst(inner) if inner.strip() else (Piece(""),)
    text = piece.text if isinstance(piece, Piece) else ""
    if name in _VERSIONS:
        argument = f"{_VERSIONS[name]} {argument}{':' if text and ' ' not in argument else ''}"
    head = [] if name == "only" else [_inline(argument, _RST_INLINE)]
    return end, ["", *(line for line in head if line), *([text] if text else []), ""]


def _csv_table(title: str, body: list[str]) -> list[str]:
    """A table's title, and its rows behind the names of its columns."""
    headers = [found[1] for line in body if (found := _HEADER.fullmatch(line))]
    written = [line.strip() for line in body if line.strip() and not _OPTION.match(line)]
    rows: list[list[Cell]] = []
    for number, row in enumerate(csv.reader([*headers, *written], skipinitialspace=True)):
        is_head = number < len(headers)
        rows.append([(_inline(cell.strip(), _RST_INLINE), is_head, "1", "1") for cell in row])
    return [line for line in (_inline(title, _RST_INLINE), *table_lines(rows)) if line]


def _end_of_block(lines: list[str], at: int) -> int:
    """The first line after ``at`` that is indented no deeper than it."""
    margin = len(lines[at]) - len(lines[at].lstrip())
    end = at + 1
    while end < len(lines):
        line = lines[end]
        if line.strip() and len(line) - len(line.lstrip()) <= margin:
            return end
        end += 1
    return end


def _code(lines: list[str], at: int, out: list[str]) -> int:
    """Copy the literal block after a line that ends in ``::``; that becomes ``:``."""
    said = out[-1].rstrip()
    out[-1] = "" if said.strip() == "::" else said[:-1]
    start = at
    while start < len(lines) and not lines[start].strip():
        start += 1
    if start == len(lines) or not lines[start].startswith(" "):
        return at
    end = _end_of_block(lines, at - 1)
    out += map(hold, lines[at:end])
    return end


def _is_heading(lines: list[str], at: int) -> bool:
    above = lines[at - 1] if at else ""
    return bool(above.strip()) and not above.startswith(" ") and len(lines[at].strip()) >= 2


def _inline(line: str, rules: tuple[Rule, ...]) -> str:
    """A line without marks; what stands in double back quotes, as it is written."""
    parts = _LITERAL.split(line) if rules is _RST_INLINE else [line]
    for at in range(0, len(parts), 2):
        for pattern, instead in rules:
            parts[at] = pattern.sub(instead, parts[at])
    return "".join(parts)


_ADOC_INLINE: tuple[Rule, ...] = (
    (re.compile(r"(?:xref:|link:|mailto:)[^\s\[]+\[([^\]]*)\]"), r"\1"),
    (re.compile(r"https?://[^\s\[]+\[([^\]]+)\]"), r"\1"),
    (re.compile(r"<<[^,>]+,\s*([^>]+)>>"), r"\1"),
    (re.compile(r"<<([^>]+)>>"), r"\1"),
    (re.compile(r"footnote:\w*\[([^\]]*)\]"), r" (\1)"),
    (re.compile(r"(?:kbd|btn|menu\w*|image|icon|anchor):[^\s\[]*\[([^\],]*)[^\]]*\]"), r"\1"),
    (re.compile(r"\[\[[^\]]*\]\]|\(\(\([^)]*\)\)\)"), ""),
    (re.compile(r"(?<!\w)`\+?(\S(?:[^`]*?\S)?)\+?`(?!\w)"), r"\1"),
    (re.compile(r"(?<![\w*])\*{1,2}(\S(?:[^*]*?\S)?)\*{1,2}(?![\w*])"), r"\1"),
    (re.compile(r"(?<![\w_])_{1,2}(\S(?:[^_]*?\S)?)_{1,2}(?![\w_])"), r"\1"),
)
_ADOC_HEADING = re.compile(r"={1,6}\s+(\S.*)")
_ADOC_LEFT_OUT = re.compile(
    r":[\w!-]+:.*|//(?!/).*|\[[^\]]*\]|(?:include|image|toc|ifdef|ifndef|endif|video)::.*"
    r"|'''|<<<|\|===|\+"
)
_ADOC_FENCE = re.compile(r"(-{4,}|\.{4,}|={4,}|\*{4,}|_{4,}|/{4,}|\+{4,}|--|```\w*)\s*")


def read_asciidoc(text: str) -> Iterator[Piece | Fault]:
    """Yield the one document of an AsciiDoc file, titled by its first heading."""
    out: list[str] = []
    title: str | None = None
    fence: str | None = None
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        found = _ADOC_FENCE.fullmatch(line)
        if fence is not None:
            if line.rstrip() == fence:
                fence = None
            elif not fence.startswith("/"):
                out.append(hold(line))
            continue
        if found:
            if line[0] in "-./+`" and line.rstrip() != "--":
                fence = "```" if line.startswith("```") else line.rstrip()
        elif heading := _ADOC_HEADING.fullmatch(line):
            title = title or heading[1].strip()
            out += ["", _inline(heading[1].strip(), _ADOC_INLINE), ""]
        elif not _ADOC_LEFT_OUT.fullmatch(line.strip()) or not line.strip():
            line = re.sub(r"^\.(?=[^\s.])", "", line)  # a block's title
            line = re.sub(r"^(\s*)[*-]{1,5}\s+", r"\1- ", line)
            line = re.sub(r"^\|\s*|\s*(?<!\\)\|\s*", " ", line) if line.startswith("|") else line
            out.append(_inline(line, _ADOC_INLINE))
    yield Piece("\n".join(out), title, may_be_wrapped=True)


def read_notebook(text: str) -> Iterator[Piece | Fault]:
    """Yield the one document of a Jupyter notebook: its words and its code, without outputs."""
    try:
        book = json.loads(text)
        cells = list(book["cells"])
        language = str(book.get("metadata", {}).get("kernelspec", {}).get("language") or "")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        detail = "is not a readable notebook (of format 4); save it again with Jupyter"
        yield Fault("unreadable file", detail)
        return
    blocks: list[str] = []
    title: str | None = None
    for cell in cells:
        source = _source(cell)
        kind = cell.get("cell_type") if isinstance(cell, dict) else None
        if kind == "markdown":
            for found in read_markdown(source):
                if isinstance(found, Piece):
                    title = title or found.title
                    blocks.append(found.text)
        elif source.strip():
            blocks.append(hold(source.strip("\n")))
    fields = (("language", language),) if language else ()
    yield Piece("\n\n".join(blocks), title, fields=fields)


def _source(cell: Any) -> str:
    source = cell.get("source", "") if isinstance(cell, dict) else ""
    return "".join(map(str, source)) if isinstance(source, list) else str(source)
