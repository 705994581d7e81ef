"""LaTeX: what a paper says, without its preamble, comments and commands; formulas stay in TeX."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from steep.documents.cleaning.clean import hold
from steep.documents.formats import Fault, Piece

_BODY = re.compile(r"\\begin\{document\}(.*?)(?:\\end\{document\}|\Z)", re.DOTALL)
_TITLE = re.compile(r"\\title\s*(?:\[[^\]]*\])?\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_AUTHORS_WORDS = re.compile(
    r"\\(?:newcommand|renewcommand|providecommand|def)\*?\s*\{?\\([A-Za-z]+)\}?"
    r"\s*\{([^{}#\\$]{1,200})\}"
)
_VERBATIM = re.compile(
    r"\\begin\{(verbatim|lstlisting|minted|alltt|Verbatim)\}(?:\[[^\]\n]*\]|\{[^}\n]*\})*\n?"
    r"(.*?)\\end\{\1\}"
    r"|\\(?:verb|lstinline)\*?([^\sA-Za-z*])([^\n]*?)\3",
    re.DOTALL,
)
_COMMENT_LINE = re.compile(r"^[ \t]*%.*\n?", re.MULTILINE)
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)[ \t]*%.*")
_MATH = re.compile(
    r"(?<!\\)\$\$.{1,5000}?\$\$|(?<!\\)\$(?:[^$\\]|\\.){1,5000}\$|\\\(.{1,5000}?\\\)"
    r"|(?<!\\)\\\[.{1,5000}?\\\]"
    r"|\\begin\{((?:equation|align|gather|multline|eqnarray|displaymath|math)\*?)\}"
    r".{0,20000}?\\end\{\1\}",
    re.DOTALL,
)
_LEFT_OUT = re.compile(
    r"\\begin\{(thebibliography|tikzpicture|filecontents\*?)\}.*?\\end\{\1\}", re.DOTALL
)
_HEADING = re.compile(
    r"\s*\\(?:part|chapter|(?:sub){0,2}section|(?:sub)?paragraph)\*?\s*(?:\[[^\]]*\])?"
    r"\s*\{((?:[^{}]|\{[^{}]*\})*)\}\s*"
)
_ENVIRONMENT = re.compile(r"[ \t]*\\(?:begin|end)\s*\{[^{}]*\}(?:\[[^\]\n]*\]|\{[^{}\n]*\})*")
_MARKS = re.compile(
    r"(?:[ ~]*\\(?:cite|parencite|autocite|nocite)[a-z]*\*?|[ ~]*\\(?:label|index|pageref)"
    r"|[ ~]*\\(?:eq|auto|c|C|name|v)?ref\*?|\\(?:usepackage|documentclass|include|input|import"
    r"|bibliography\w*|includegraphics|[vh]space\*?|pagestyle|thispagestyle|title|author|date"
    r"|setlength|setcounter|addtolength|newcommand|renewcommand|providecommand|hypersetup"
    r"|cline|cmidrule|vskip|hskip|graphicspath|newtheorem|definecolor|color))"
    r"\s*(?:\([^)\n]*\)|\[[^\]]*\])*(?:\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}(?:\[[^\]\n]*\])*)+"
)
_FOOTNOTE = re.compile(r"\s*\\(?:footnote|thanks)\s*\{([^{}]*)\}")
_LINK = re.compile(r"\\(?:href|textcolor|colorbox)\s*\{[^{}]*\}\s*\{([^{}]*)\}")
_COMMAND = re.compile(r"\\[A-Za-z]+\*?\s*(?:\[[^\]\n]*\])?\{([^{}]*)\}")
_ITEM = re.compile(r"[ \t]*\\item\b[ \t]*(?:\[([^\]\n]*)\])?[ \t]*")
_ACCENT = re.compile(
    r"\\([`'^\"~=.])\s*(?:\{\\?([A-Za-z])\}|\\?([A-Za-z]))|\\([cvuHkr])\{([A-Za-z])\}"
)
_MARK_OF = {
    "`": "\u0300", "'": "\u0301", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304",
    ".": "\u0307", "c": "\u0327", "v": "\u030c", "u": "\u0306", "H": "\u030b", "k": "\u0328",
    "r": "\u030a",
}  # fmt: skip
_LETTERS = {
    "ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "o": "ø", "O": "Ø", "aa": "å", "AA": "Å",
    "l": "ł", "L": "Ł", "i": "ı", "LaTeX": "LaTeX", "TeX": "TeX", "BibTeX": "BibTeX",
    "ldots": "…", "dots": "…", "textellipsis": "…", "S": "§", "P": "¶", "pounds": "£", "euro": "€",
    "copyright": "©", "textdegree": "°", "degree": "°", "textmu": "μ", "textbackslash": "\\",
    "newline": "\n", "par": "\n\n", "quad": " ", "qquad": " ", "textasciitilde": "~",
    "today": "", "and": " and ",
}  # fmt: skip
_WORD = re.compile(r"\\([A-Za-z]+)\*?(?:\{\}|[ \t]*)")
_BREAK = re.compile(r"\\\\\*?(?:\[[^\]\n]*\])?[ \t]*\n?")
_SIGN = re.compile(r"\\([%&_#${}])")
_QUOTES = (("``", "“"), ("''", "”"), ("---", "—"), ("--", "–"))
_HELD = re.compile("\x03(\\d+)\x03")
_MOST_NESTED = 8


def read_tex(text: str) -> Iterator[Piece | Fault]:
    """Yield the one document of a LaTeX file, titled by its ``\\title``.

    What stands between ``\\begin{document}`` and its end is read; of a file that another includes,
    all. Citations, references and labels are left out, footnotes stand in brackets.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x03", "")
    held: list[str] = []

    def keep(said: str) -> str:
        held.append(said)
        return f"\x03{len(held) - 1}\x03"

    text = _VERBATIM.sub(lambda code: keep(hold(code[4] or (code[2] or "").strip("\n"))), text)
    text = _COMMENT.sub(r"\1", _COMMENT_LINE.sub("", text))
    words = dict(_AUTHORS_WORDS.findall(text))
    title = _TITLE.search(text)
    body = _BODY.search(text)
    inner = _MATH.sub(lambda math: keep(math[0]), body[1] if body else text)
    said = _without_commands(inner, words)
    heading = _without_commands(title[1], words) if title else ""
    for _ in range(_MOST_NESTED):
        if not _HELD.search(said):
            break
        said = _HELD.sub(lambda place: held[int(place[1])], said)
    yield Piece(said, " ".join(heading.split()) or None, may_be_wrapped=True)


def _without_commands(text: str, words: dict[str, str]) -> str:
    text = _WORD.sub(lambda word: _author_s(word, words), text)
    text = _MARKS.sub("", _LEFT_OUT.sub("", text))
    text = _HEADING.sub(r"\n\n\1\n\n", text)
    text = _ITEM.sub(lambda item: f"- {item[1]} " if item[1] else "- ", text)
    text = _ENVIRONMENT.sub("", text)
    text = _ACCENT.sub(_accented, text)
    text = _SIGN.sub(lambda sign: f"\x04{ord(sign[1])}\x04", _BREAK.sub("\n", text))
    for _ in range(_MOST_NESTED):
        before = text
        text = _FOOTNOTE.sub(r" (\1)", text)
        text = _LINK.sub(r"\1", text)
        text = _COMMAND.sub(r"\1", text)
        if text == before:
            break
    text = _WORD.sub(lambda word: _LETTERS.get(word[1], ""), text)
    text = re.sub(r"[ \t]*(?<!\\)&[ \t]*", " | ", text.replace("~", " "))
    text = re.sub(r"\\([,;:!@/ -])", lambda sign: "" if sign[1] in "!@/-" else " ", text)
    text = text.replace("{", "").replace("}", "")
    for written, meant in _QUOTES:
        text = text.replace(written, meant)
    return re.sub("\x04(\\d+)\x04", lambda sign: chr(int(sign[1])), text)


def _author_s(found: re.Match[str], words: dict[str, str]) -> str:
    """A command that the file itself makes a word of, as that word."""
    if found[1] not in words:
        return found[0]
    return words[found[1]] + (" " if found[0][-1:] in " \t" else "")


def _accented(found: re.Match[str]) -> str:
    mark, letter = found[1] or found[4], found[2] or found[3] or found[5]
    return unicodedata.normalize("NFC", letter + _MARK_OF[mark])
