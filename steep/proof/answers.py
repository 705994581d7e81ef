"""Asking a question and grading a free answer."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from steep.proof.dates import is_one_day
from steep.proof.tokens import (
    MARKS,
    MONEY,
    SEAMLESS,
    Token,
    first_line,
    tokens_of,
    without_optional,
)

MAX_PHRASE_WORDS = 12
"""In a longer answer a truth mentioned in passing isn't an answer."""

_MAX_PHRASE_CHARACTERS = 40  # the same in scripts without spaces
_SEAMLESS = re.compile(f"[{SEAMLESS}]")
_CLAUSE_END = re.compile(r"[;.!?](?=\s|$)|\b(?:but|it|he|she|they|rather)\b")
_NEGATION = re.compile(
    r"\b(?:not|never|neither|nor|without|except|unlike|cannot|instead of|rather than|other than)\b"
    r"|\bno\b(?=[\s,])"
)
# What says how far something goes, or that it isn't all, denies nothing.
_COMPARATIVES = (
    "more|less|fewer|later|earlier|longer|sooner|greater|higher|lower|larger|smaller|shorter|older"
    "|younger|bigger|heavier|further|farther"
)
_LIMIT = re.compile(
    r"\b(?:no|not|never|cannot|without)(?: \w+){0,3}?"
    rf" (?:(?:{_COMPARATIVES}) than\b|exceed(?:s|ed|ing)?\b|[<>\u2264\u2265])"
    r"|\bnot (?:only|just|merely|until)\b"
    r"|\bnot (?:before|after|past|beyond|above|below|over|under)(?= (?:[^\W\d]+\.? )?\d)"
    r"|\bno (?:m[a\u00e1]s|menos|mayor|menor|superior|inferior|despu[e\u00e9]s|antes)"
    r"(?: tarde| temprano)? (?:de|del|que|a|al)\b"
    r"|\bno (?:m[a\u00e1]ximo|m[i\u00ed]nimo|prazo)\b"
)
# One of several that might be it: nothing is said.
_OR = "(?:or|oder|ou|или|atau|veya)"
_ALTERNATIVES = re.compile(rf",? {_OR} ")
_OR_MORE = "(?:more|less|fewer|later|earlier|longer|sooner|above|below|over|under|so|older|younger)"
_OTHERS_BEFORE = re.compile(rf"(?:^|\W){_OR} $|\w/$")
_OTHERS_BEHIND = re.compile(rf"(?:,? [^\s,;.()]+)?,? {_OR} (?!{_OR_MORE}\b)|/[^\W\d]")
_RANGE_BEFORE = re.compile(rf"\d ?(?:-|–|to|bis) ?[{MONEY}]?$|\bbetween [{MONEY}]?\d\S* and $")
_RANGE_BEHIND = re.compile(
    rf" ?(?:-|–) ?[{MONEY}]?\d(?!\d?-\d)|(?: [^\W\d]+)? (?:to|bis) [{MONEY}]?\d"
)
_EITHER = "或者?|还是|還是|または|もしくは|또는|หรือ"
_EITHER_BEFORE = re.compile(f"(?:{_EITHER}|か) ?$")
_EITHER_BEHIND = re.compile(f" ?(?:{_EITHER}|か(?![らもなっ]))")
_DENIED_BEFORE = re.compile(
    r"(?:^|\W)(?:nicht|keine?[nmrs]?|pas|не|niet|geen|não|inte|ikke|nie|tidak|bukan|ليس|ليست|لا|غير"
    r"|hardly|anything but|far from) $"
)
_DENIED_AFTER = re.compile(
    unicodedata.normalize(
        "NFKC",
        r"\s*(?:(?:is|was|are|were|does|did|has|had|do|can|could|would|will)\s+not\b"
        r"|(?:नहीं|નથી|ਨਹੀਂ|নয়|অல்ல|இல்லை|కాదు|అല్ല|ಅಲ್ಲ|değil)(?!\w)|아니|아닙|아닌)",
    )
)
# Scripts without spaces: what stands right before or behind a name and denies it.
_DENIAL_BEFORE = re.compile(
    r"(?:不(?:是|在|为|為)?|[没沒](?:有|在)?|(?<![南北东東西中])非"
    r"|ไม่(?:ใช่|ได้)?(?:อยู่(?:ที่|ใน)?|เป็น|คือ|ที่)?|ບໍ່(?:ແມ່ນ)?|មិន(?:មែន)?(?:ជា)?) ?$"
)
_DENIAL_BEHIND = re.compile(
    r" ?(?:(?:では|じゃ|[では가が])?(?:ない|なかった|なく(?!な)|ありません|ございません)|ません"
    r"|并?不是|並?不是|ไม่ใช่|ບໍ່ແມ່ນ|មិនមែន|မဟုတ်)"
)
_DENIAL_CHARACTERS = 24
_NUMERAL = re.compile("[0-9〇零一二两兩三四五六七八九十百千万萬亿億兆]")
_INSIDE_NUMBER = re.compile(rf"[.,:/^-]|{_NUMERAL.pattern}")
_MARK = re.compile(f"[{MARKS}]")
_SCALE_WORDS = (
    "hundred thousand million millions billion billions trillion trillions dozen k m bn mio mrd "
    "millionen milliarde milliarden tausend lakh lakhs crore crores mille milliard milliards mil "
    "millón millones milhão milhões mila milione milioni miliardi тыс тысяч тысячи тысяча млн млрд "
    "миллион миллиона миллионов миллиарда миллиардов bin milyon milyar ألف آلاف مليون ملايين مليار "
    "هزار میلیون میلیارد हजार हज़ार लाख करोड़ nghìn triệu tỷ ribu juta miliar"
)
_SCALES = frozenset(map(first_line, _SCALE_WORDS.split()))
# The same where it stands right behind a number, or where no spaces part words.
_SCALED = re.compile(
    " ?(?:[千百仟佰](?!分)|ล้าน|แสน|หมื่น|พัน(?!ธ)|ร้อย(?!ละ))"
    "|[만억](?!큼)|[천백](?=[만억조원명개년톤]|\\b)|조(?=원|\\b)"
)
_SCALE_SIGNS = frozenset("万萬亿億兆")
_RAISED = re.compile(r" × 10\^|e[+-]?\d|\^")
# What denies all by itself, and with more behind it only what follows: "no", but not "no data".
_DENIALS = frozenset(
    ("no", "not", "нет", "não", "无", "無", "没", "沒", "没有", "沒有", "不", "不是", "ไม่", "ไม่มี")
)
_DENIAL_ALONE = re.compile(
    r" *(?:的|です|ครับ|ค่ะ|คะ)?"
    r"(?:$| *[.,;:!?()\]/。、](?! ?\d)| *[–—]| *- "
    r"| (?:it|he|she|they|there|i|we|you|because|since)\b)"
)


def normalise_answer(s: str) -> str:
    """The first line of an answer, case-folded, without punctuation, quotes and articles.

    Numbers have one form ("1,000" is "1000", "0,5" is "0.5", "२०२३" is "2023") and keep their
    minus, a sign like < and that of a currency before them; letters keep their marks. An article
    that is all there is or comes last ("Vitamin A") stays.
    """
    return " ".join(token.key for token in _read(s).words)


def evaluate_accuracy(answer: str, truth: str | Sequence[str]) -> bool:
    """Is a free answer right?

    Right means: once normalised it equals the truth or one of several acceptable ones, or starts
    with it at a word's end, or is short (at most 12 words, or twice the truth's) and contains it
    as whole words; its last word may have a Korean particle or, behind an apostrophe, a Turkish
    ending. Not right: another number ("19870" for "1987", "12 million" or "12^6" for "12"), another
    sign or currency where both have one ("> 5" for "< 5"; a truth with < wants it said), a truth
    that the answer denies ("not Paris", "Paris is not …"; "not later than 1 May" sets a limit and
    denies nothing), or a bare "no" that denies what follows it ("no data"), or a truth that is
    one of several it names ("type A or type B", "5 to 10"). The same day written otherwise is
    right, where the truth says day, month and year.
    """
    truths = [truth] if isinstance(truth, str) else list(truth)
    if any(_agrees(answer, each) for each in truths):
        return True
    parts = _ALTERNATIVES.split(_read(answer).line)  # two ways of saying it
    return len(parts) > 1 and all(any(_agrees(p, each) for each in truths) for p in parts)


def same_answer(one: str, other: str) -> bool:
    """True if two answers are ways of writing one and the same."""
    first, second = _read(one).words, _read(other).words
    if not first and not second:
        return one.strip() == other.strip()
    return _equal(first, second) and _equal(second, first)


def overlaps(one: str, other: str) -> bool:
    """True if the words of one answer stand in the other: neither is a fair wrong choice."""
    few, many = sorted((_keys(one), _keys(other)), key=len)
    return bool(few) and any(
        many[start : start + len(few)] == few for start in range(len(many) - len(few) + 1)
    )


def _keys(text: str) -> tuple[str, ...]:
    return tuple(token.key for token in _read(text).words)


def test_knowledge(
    model: Any,
    tokenizer: Any,
    question: str,
    *,
    max_new_tokens: int = 100,
    temperature: float = 0.3,
    seed: int = 0,
) -> str:
    """Ask a model a question as ``Question: …\\nAnswer:`` and return its answer.

    The answer ends where the model would ask itself the next question. At temperature 0 it is
    greedy; else it is drawn from a private generator, so the same seed gives the same answer.
    """
    from steep.proof.questions import PROMPT
    from steep.proof.scorer import Scorer

    (text,) = Scorer(model, tokenizer).generate(
        [PROMPT.format(question=question)],
        max_new_tokens=max_new_tokens,
        min_new_tokens=1,
        stop="\nQuestion:",
        temperature=temperature,
        seed=seed,
    )
    return text.strip()


test_knowledge.__test__ = False  # type: ignore[attr-defined]  # the name isn't a test's


@dataclass(frozen=True)
class _Said:
    """A text as it is compared.

    Attributes:
        line: its first line, normalised.
        spoken, words: what stands in it, and the same without articles.
        bare: the words without signs that may be left out.
        spoken_bare: the same, and what they say without their endings.
        is_seamless: some of them are of a script without spaces.
    """

    line: str
    spoken: tuple[Token, ...]
    words: tuple[Token, ...]
    bare: frozenset[str]
    spoken_bare: frozenset[str]
    is_seamless: bool

    @property
    def is_denial(self) -> bool:
        """True if it is a bare "no"."""
        return "".join(token.word for token in self.words) in _DENIALS


@lru_cache(maxsize=32_768)
def _read(text: str) -> _Said:
    """Kept, for each of a file's answers is compared with all the others."""
    line = first_line(text)
    spoken = tuple(tokens_of(line))
    words = tuple(_without_articles(spoken))
    bare = frozenset(without_optional(token.word) for token in words)
    stems = frozenset(without_optional(stem) for token in words for stem in token.stems)
    is_seamless = any(_SEAMLESS.search(token.word) for token in words)
    return _Said(line, spoken, words, bare, bare | stems, is_seamless)


def _without_articles(words: Sequence[Token]) -> list[Token]:
    kept = [token for token in words[:-1] if token.word != "the"] + list(words[-1:])
    if len(kept) > 1 and kept[0].word in {"a", "an"}:
        kept = kept[1:]
    return kept


def _equal(said: Sequence[Token], true: Sequence[Token]) -> bool:
    return len(said) == len(true) and all(map(Token.says, said, true))


def _is_joined_alike(said: Sequence[Token], true: Sequence[Token]) -> bool:
    """True if only where one word ends differs: "health care", "healthcare"."""
    letters = "".join(token.word for token in true)
    return letters.isalpha() and letters == "".join(token.word for token in said)


def _found(said: Sequence[Token], true: Sequence[Token]) -> bool:
    """As ``_equal``, but the last word may have an ending; of one syllable there is too little."""
    if len(said) != len(true) or not all(map(Token.says, said[:-1], true[:-1])):
        return False
    is_short = len(true) == 1 and len(true[0].word) == 1
    return said[-1].says(true[-1]) or (not is_short and said[-1].ends_on(true[-1]))


def _agrees(answer: str, truth: str) -> bool:
    said, true = _read(answer), _read(truth)
    words, phrase = said.words, true.words
    if not words or not phrase:
        return False
    if _equal(words, phrase) or _is_joined_alike(words, phrase) or is_one_day(answer, truth):
        return True
    if not true.is_seamless and not true.bare <= said.spoken_bare:
        return False
    if true.is_seamless:
        return _holds(said.line, words, phrase, alone=true.is_denial)
    # "A positive" in capitals may be a name and not an article: then it must stand in the answer.
    if truth.lstrip().startswith("A "):
        words, phrase = said.spoken, true.spoken
    is_long = len(words) > max(MAX_PHRASE_WORDS, 2 * len(phrase))
    for start in range(1 if is_long else len(words) - len(phrase) + 1):
        found = words[start : start + len(phrase)]
        if not _found(found, phrase) or _is_scaled(said.line, words, start, phrase):
            continue
        if true.is_denial and not _DENIAL_ALONE.match(said.line, found[-1].end):
            continue
        if not _is_one_of_several(said.line, found) and not _is_denied(said.line, found, phrase):
            return True
    return False


def _is_scaled(line: str, words: Sequence[Token], start: int, phrase: Sequence[Token]) -> bool:
    """True if the phrase's number is part of another: of "12 million", "1.5 × 10^6" or "x^2"."""
    last = words[start + len(phrase) - 1]
    after = words[start + len(phrase)].word if start + len(phrase) < len(words) else ""
    if phrase[-1].word[-1].isdigit():
        scaled = after in _SCALES or after[:1] in _SCALE_SIGNS
        if scaled or _SCALED.match(line, last.end) or _RAISED.match(line, last.end):
            return True
    before = line[: words[start].start]
    return before.endswith("^") or (phrase[0].word.startswith("10^") and before.endswith(" × "))


def _is_one_of_several(line: str, found: Sequence[Token]) -> bool:
    """True if others stand beside the phrase that might be it, or it is the end of a range."""
    start, end = found[0].start, found[-1].end
    before = line[max(start - _DENIAL_CHARACTERS, 0) : start]
    if _OTHERS_BEHIND.match(line, end) or _OTHERS_BEFORE.search(before):
        return True
    behind = found[-1].word[-1].isdigit() and _RANGE_BEHIND.match(line, end)
    return bool(behind or (found[0].word[0].isdigit() and _RANGE_BEFORE.search(before)))


def _is_denied(line: str, found: Sequence[Token], phrase: Sequence[Token]) -> bool:
    """True if the phrase stands behind a negation in its clause or is denied right beside it.

    Args:
        found: the phrase as it stands in the line.
    """
    if any(_NEGATION.fullmatch(token.word) or token.word == "no" for token in phrase):
        return False
    start = found[0].start + (0 if phrase[0].than else len(found[0].than))
    before = line[max(start - _DENIAL_CHARACTERS, 0) : start]
    if _DENIED_AFTER.match(line, found[-1].end) or _DENIED_BEFORE.search(before):
        return True
    clause = 0
    for end in _CLAUSE_END.finditer(line, 0, start):
        if not line.startswith("than", end.end() + 1):
            clause = end.end()
    limits = [m.span() for m in _LIMIT.finditer(line, clause) if m.end() <= start]
    return any(
        not any(begin <= denial.start() < end for begin, end in limits)
        for denial in _NEGATION.finditer(line, clause, start)
    )


def _holds(line: str, words: Sequence[Token], phrase: Sequence[Token], *, alone: bool) -> bool:
    """True if an answer in a script without spaces has the truth among its first characters.

    What continues a number or a letter beyond the truth makes it another ("15人" isn't "5人"),
    and so does a denial right before or behind it.

    Args:
        alone: nothing of the answer may follow in its clause.
    """
    signed = any(token.than for token in phrase)
    said, places = _run_together(words, signed=signed)
    true, _ = _run_together(phrase, signed=signed)
    start = said.find(true)
    while start >= 0:
        end = start + len(true)
        if start > 0 and end > _MAX_PHRASE_CHARACTERS:
            return False
        place = Token(true, places[start][0], places[end - 1][1])
        stands = not alone or _DENIAL_ALONE.match(line, place.end)
        if stands and not _goes_on(said, start, end) and not _is_denied_near(line, place):
            return True
        start = said.find(true, start + 1)
    return False


def _run_together(words: Sequence[Token], *, signed: bool) -> tuple[str, list[tuple[int, int]]]:
    """(words without spaces but between two numbers, for each character its place in the line)."""
    text = ""
    places: list[tuple[int, int]] = []
    for token in words:
        word = f"{token.than}{token.word}" if signed else token.word
        if text[-1:].isdigit() and word[:1].isdigit():
            word = f" {word}"
        text += word
        if len(word) == token.end - token.start:
            places += [(token.start + n, token.start + n + 1) for n in range(len(word))]
        else:
            places += [(token.start, token.end)] * len(word)
    return text, places


def _goes_on(said: str, start: int, end: int) -> bool:
    """True if what stands at a place is part of a longer number, or lacks its last vowel sign."""
    before, behind = said[max(start - 1, 0) : start], said[end : end + 1]
    longer = (_NUMERAL.match(said, start) and _INSIDE_NUMBER.match(before)) or (
        _NUMERAL.match(said, end - 1) and _INSIDE_NUMBER.match(behind)
    )
    return bool(longer or _MARK.match(behind))


def _is_denied_near(line: str, place: Token) -> bool:
    before = line[max(place.start - _DENIAL_CHARACTERS, 0) : place.start]
    if _EITHER_BEHIND.match(line, place.end) or _EITHER_BEFORE.search(before):
        return True
    if _DENIAL_BEFORE.search(before) or _DENIAL_BEHIND.match(line, place.end):
        return True
    return _is_denied(line, [place], [place])
