"""Quoted answers: what a message repeats of the one it answers, told from its own words.

Lines behind ``>`` go with the line that announces them, and so do HTML's quotations and the header
that Outlook writes above the message answered, with all that follows. A forwarded message is
content and stays, and so do answers between quoted lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

_QUOTED_HTML = re.compile(r"gmail_quote|protonmail_quote|yahoo_quoted|type\s*=\s*[\"']?cite", re.I)
_QUOTING_CLASSES = {"gmail_quote", "protonmail_quote", "yahoo_quoted"}
_MARK = ">\ufdd0"  # stands in a text for a quotation of HTML's
_SESSION = re.compile(r">>>(?: |$)")  # Python's prompt
_VERB = re.compile(
    r"(?:\b(?:wrote|writes|écrit|escribió|escreveu|scritto|kirjoitti|napsal|napisał\(?a?\)?|írta"
    r"|написала?|писала?)(?:\s*|\b[^:：]{0,80}[\d@][^:：]{0,40})|写道|寫道|님이 작성"
    r"|\b(?:schrieb|schreef|skrev|пишет)\b[^:：]{0,80})[:：]$",
    re.IGNORECASE,
)
_OPENING = re.compile(r"(?:On|Am|Le|El|Il|Em|Op|Den|W dniu|Quoting)\b")
_DAY_OR_ADDRESS = re.compile(r"\d[:.h]\d\d\b|\b(?:19|20)\d\d\b|\S@\S")
_ADDRESS_LAST = re.compile(r"<[^<>\s@]+@[^<>\s]+>\s?[:：]$")
_SHORT_ANNOUNCEMENT = 60  # "Bob Smith wrote:", without a day
_LONGEST_ANNOUNCEMENT = 300
_FORWARDED = re.compile(
    r"[-_=*\s]*(?:begin forwarded message|forwarded message|forwarded by\b"
    r"|(?:anfang der )?weitergeleiteten? nachricht|(?:début du )?message (?:transféré|réexpédié)"
    r"|(?:inicio del )?mensaje reenviado|(?:inizio )?messaggio inoltrato"
    r"|(?:início da )?mensagem (?:re)?encaminhada|(?:begin )?doorgestuurd bericht)",
    re.IGNORECASE,
)
_ORIGINAL = re.compile(
    r"\s*-{3,}\s*(?:original message|original appointment|ursprüngliche(?:r)? (?:nachricht|termin)"
    r"|original-?nachricht|message d['’]origine|message original|mensaje original"
    r"|messaggio originale|mensagem original|oorspronkelijk bericht|ursprungligt meddelande"
    r"|oprindelig meddelelse|wiadomość oryginalna|исходное сообщение)\s*-{3,}\s*$",
    re.IGNORECASE,
)
_FIELD = re.compile(r"\s*\*?([^\W\d_][\w .'’-]{0,24})[:：]\*?[ \t\u00a0]*(.*)")
_FEWEST_FIELDS = 3
_RULE = re.compile(r"\s*[-_=]{5,}\s*$")
_PREFIX = re.compile(r"\s*(?:\[[^\[\]]{1,30}\]|([^\W\d_]{1,10})(?:\[\d+\])?\s?[:：])\s*")
_ANSWERS = re.compile("re|aw|antw|antwort|sv|vs|r|rif|res|odp|ynt|ref|回复|答复|回覆|답장")
_FORWARDS = re.compile("fwd?|wg|tr|rv|enc|i|vb|vl|pd|doorst|ilt|转发|轉寄|전달")


class Subject(NamedTuple):
    """A subject without what mailers put before it, and what that says of the message."""

    words: str
    is_answer: bool
    is_forward: bool


def read_subject(written: str) -> Subject:
    """What a subject says; the first mark ("Re:", "Fwd:") is about the message itself."""
    first, at = "", 0
    while found := _PREFIX.match(written, at):
        first = first or (found[1] or "").casefold()
        at = found.end()
    words = written[at:].strip().casefold()
    return Subject(words, bool(_ANSWERS.fullmatch(first)), bool(_FORWARDS.fullmatch(first)))


def mark_quotations(html: str) -> str:
    """HTML with a line in place of each quotation, which ``without_quotes`` takes out."""
    if not _QUOTED_HTML.search(html):
        return html
    from steep.documents.pages.parse import parse_html

    soup: Any = parse_html(html)
    kept = _forwarded_quotations(soup)
    for tag in soup.find_all(_is_quotation):
        # tag.decomposed would search all that a living tag holds.
        if "_decomposed" not in vars(tag) and id(tag) not in kept:
            tag.clear(decompose=True)
            tag.name, tag.attrs = "div", {}
            tag.append(_MARK)
    return str(soup)


def _forwarded_quotations(soup: Any) -> set[int]:
    """The quotations in a forwarded message, and the one that it is if a mailer makes it one."""
    mark = next(filter(_is_forward_mark, soup.strings), None)
    if mark is None:
        return set()
    around = mark.find_parents(_is_quotation)
    if around and next(around[-1].stripped_strings) != mark.strip():
        return set()  # an answer to a message that forwards one
    return {id(tag) for tag in (*around, *mark.find_all_next(_is_quotation))}


def _is_quotation(tag: Any) -> bool:
    if tag.name == "blockquote" and str(tag.get("type", "")).casefold() == "cite":
        return True
    if tag.name not in ("blockquote", "div"):
        return False
    classes = set(tag.get("class") or ()) & _QUOTING_CLASSES
    # Gmail's outer <div> has the class too, around forwarded messages as around quoted ones.
    return bool(classes) and (tag.name == "blockquote" or classes == {"yahoo_quoted"})


def without_quotes(text: str, about: Subject, *, answers: bool = False) -> str:
    """A message's text without what it quotes of the message that it answers.

    Args:
        text: with line feeds alone.
        about: the message's subject.
        answers: its header says that it answers another. A message that gives no sign of it, here,
            in its subject or by announcing a quotation, keeps its lines behind ``>``.
    """
    lines = text.split("\n")
    forward = next((n for n, line in enumerate(lines) if _is_forward_mark(line)), len(lines))
    own, forwarded = lines[:forward], lines[forward:]
    if about.is_forward:
        return "\n".join([*filter(_is_no_mark, own), *_bared(forwarded)])
    answers = answers or about.is_answer
    answered = _answered_from(own, about, answers)
    if answered is not None:
        own, forwarded = own[:answered], []
    return "\n".join([*_without_quoted_lines(own, answers), *_bared(forwarded)])


def _is_forward_mark(line: str) -> bool:
    ends = line.rstrip().endswith((":", "-", "=", "*"))
    return ends and len(line) < _LONGEST_ANNOUNCEMENT and _FORWARDED.match(line) is not None


def _is_no_mark(line: str) -> bool:
    return not line.startswith(_MARK)


def _bared(forwarded: Sequence[str]) -> list[str]:
    """A forwarded message; where every line of it is quoted, without one ``>`` each."""
    said = [line for line in forwarded[1:] if line.strip() and _is_no_mark(line)]
    if not said or not all(line.startswith(">") for line in said):
        return list(filter(_is_no_mark, forwarded))
    return [line.removeprefix(">").removeprefix(" ") for line in forwarded if _is_no_mark(line)]


def _without_quoted_lines(lines: Sequence[str], answers: bool) -> list[str]:
    runs = _runs(lines)
    announced = [_announcement(lines, start) for start, _ in runs]
    answers = answers or any(first is not None for first in announced)
    kept: list[str] = []
    done = 0
    for (start, end), first in zip(runs, announced, strict=True):
        is_session = all(map(_SESSION.match, lines[start:end]))
        if (
            is_session and first is not None
        ):  # "Bob wrote:" above three levels, "I wrote:" above code
            is_session = not any(map(_DAY_OR_ADDRESS.search, lines[first:start]))
        is_marked = lines[start].startswith(_MARK)
        if is_marked or (not is_session and (answers or first is not None)):
            kept += lines[done : max(done, start if first is None else first)]
            done = end
    return [*kept, *lines[done:]]


def _runs(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Where quoted lines follow one another: the first, and the first behind them."""
    runs: list[tuple[int, int]] = []
    for number, line in enumerate(lines):
        if not line.startswith(">"):
            continue
        if runs and runs[-1][1] == number:
            runs[-1] = (runs[-1][0], number + 1)
        else:
            runs.append((number, number + 1))
    return runs


def _announcement(lines: Sequence[str], start: int) -> int | None:
    """The first line of what announces a quotation ("On Monday, Bob wrote:"), if any does."""
    last = start - 1
    while last >= 0 and start - last < 4 and not lines[last].strip():
        last -= 1
    if last < 0 or not _ends_announcing(lines[last]):
        return None
    line = lines[last].strip()
    above = lines[last - 1].strip() if last > 0 else ""
    verb = _VERB.search(line)
    if _goes_on(line, above, begins_with_verb=verb is not None and verb.start() == 0):
        return last - 1
    if verb is not None and (len(line) <= _SHORT_ANNOUNCEMENT or _DAY_OR_ADDRESS.search(line)):
        return last
    return last if _ADDRESS_LAST.search(line) else None


def _goes_on(line: str, above: str, *, begins_with_verb: bool) -> bool:
    """True if an announcement begins on the line above its last: mailers break it anywhere."""
    if not above or len(above) > _LONGEST_ANNOUNCEMENT or above.startswith(">"):
        return False
    if above.endswith((".", "!", "?", ":")):
        return False
    if begins_with_verb:
        return True
    if not (_VERB.search(line) or _ADDRESS_LAST.search(line)) or _OPENING.match(line):
        return False
    opens = _OPENING.match(above) is not None or line.startswith("<")
    return opens and _DAY_OR_ADDRESS.search(above) is not None


def _ends_announcing(line: str) -> bool:
    return (
        len(line) < _LONGEST_ANNOUNCEMENT
        and line.rstrip().endswith((":", "："))
        and not line.startswith(">")
    )


def _answered_from(lines: Sequence[str], about: Subject, answers: bool) -> int | None:
    """Where Outlook put the message answered below its header, with own words above."""
    if not any(line.strip() for line in lines):
        return None
    own = next(number for number, line in enumerate(lines) if line.strip())
    for number in range(own + 1, len(lines)):
        line, above = lines[number], lines[number - 1]
        if _ORIGINAL.match(line) and any(map(_FIELD.match, lines[number + 1 : number + 3])):
            return number
        begins = not above.strip() or _RULE.match(above) is not None
        if begins and answers and _is_header(lines, number, about):
            ruled = number - 1 if _RULE.match(above) else number
            return ruled if ruled > own else None
    return None


def _is_header(lines: Sequence[str], start: int, about: Subject) -> bool:
    """True for fields below one another, one of which repeats the subject, another an address."""
    if _FIELD.match(lines[start]) is None:
        return False
    values: list[str] = []
    for line in lines[start : start + 12]:
        if not line.strip():
            break
        if found := _FIELD.match(line):
            values.append(found[2])
    subjects = {read_subject(value).words for value in values}
    is_about = about.words in subjects and bool(about.words)
    return len(values) >= _FEWEST_FIELDS and is_about and any(map(_DAY_OR_ADDRESS.search, values))
