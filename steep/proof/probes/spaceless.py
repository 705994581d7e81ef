"""Values of sentences in scripts without spaces, found by what marks them, without a dictionary.

Dates, years (Thai Buddhist ones too) and times, numbers with the counter or unit behind them, what
stands between 「」『』《》〈〉, names in Latin letters, runs of katakana that few documents
have, and strings that one document repeats (``recurrent``). What nothing marks isn't found: a
Chinese name that stands once, a number in Han numerals.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from steep.corpus.sentences import split_sentences
from steep.proof.probes.recurrent import recurrent
from steep.proof.probes.units import CHARACTER, lacks_spaces, length_of
from steep.proof.probes.values import IsCommon, Kind, Value

_FEWEST_WORDS, _MOST_WORDS = 5, 80
_MOST_CHARACTERS = 320
_LONGEST_VALUE = 40
_MARKUP = re.compile(r"://|[{}|\\]|^\W*[-=*#]{3}")
_UNFINISHED = re.compile(r"[:?,…：？，、]\W*$")
_BRACKETS = (("(", ")"), ("（", "）"), ("「", "」"), ("『", "』"), ("《", "》"), ("〈", "〉"))
_SPREAD = 0.05  # of the documents may have a katakana word that asks for something

_NUMBER = (
    r"(?:\d+(?:[,，]\d{3})*(?:[.．]\d+)?[十百千]?[万萬亿億兆])*"
    r"\d+(?:[,，]\d{3})*(?:[.．]\d+)?"
    r"(?:[十百千]?[万萬亿億兆]|[十百千]| ?(?:ล้านล้าน|ล้าน|แสน|หมื่น|พัน(?!ธ))(?=[ \u0e00-\u0eff]))?"
)
_ERA = r"(?:令和|平成|昭和|大正|明治|民國|民国)"
_THAI_MONTH = (
    r"(?:มกราคม|กุมภาพันธ์|มีนาคม|เมษายน|พฤษภาคม|มิถุนายน|กรกฎาคม|สิงหาคม|กันยายน|ตุลาคม|พฤศจิกายน"
    r"|ธันวาคม|[มกตธ]\.ค\.|ก\.[พย]\.|มี\.ค\.|เม\.ย\.|พ\.[คย]\.|มิ\.ย\.|ส\.ค\.)"
)
_THAI_YEAR = r"(?:(?:พ\.ศ\.|ค\.ศ\.|ปี) ?)?\d{4}(?!\d)"
_DATE = re.compile(
    rf"(?:{_ERA} ?(?:\d{{1,3}}|元)|(?<!\d)\d{{4}}) ?年 ?\d{{1,2}} ?月(?: ?\d{{1,2}} ?[日號号])?"
    rf"|{_ERA} ?(?:\d{{1,3}}|元)年(?!間|间)"
    r"|(?<!\d)\d{1,2} ?月 ?\d{1,2} ?[日號号]"
    r"|[〇零一二三四五六七八九]{4}年[一二三四五六七八九十]{1,2}月(?:[一二三四五六七八九十]{1,3}日)?"
    r"|(?<![\dA-Za-z./-])\d{4}(?P<sign>[-/.])\d{1,2}(?P=sign)\d{1,2}(?![\d./-])"
    rf"|(?:(?<!\d)\d{{1,2}} ?{_THAI_MONTH}(?: ?{_THAI_YEAR})?|{_THAI_MONTH} ?{_THAI_YEAR})"
)
_YEAR = re.compile(
    r"(?<!\d)(?P<year>1[5-9]\d\d|20\d\d)(?= ?年(?![代前間间]))"
    r"|(?:พ\.ศ\.|ค\.ศ\.|ปี) ?(?P<thai>\d{4})(?!\d)"
)
_TIME = re.compile(
    r"(?<![\d.])\d{1,2} ?[時时點点](?: ?\d{1,2} ?分| ?半)?(?![間间])"
    r"|(?<![\d:：])\d{1,2}[:：]\d{2}(?![\d:：])|(?<![\d.:])\d{1,2}[.:]\d{2}(?= ?น\.)"
)
_UNIT = re.compile(
    r" ?[余餘多]?(?P<unit>[%％]|平方公里|平方米|立方米|公里|公斤|公顷|公頃|小时|小時|分钟|分鐘"
    r"|美元|日元|日圓|欧元|人民币|[平立]方[ァ-ヴー]{2,}"
    r"|[かカケヵヶ箇][月所国]|[个個]月|[周週]年|[时時][间間]|年[间間]|分間|秒間|週間|日間|年|分|[点點]"
    r"|パーセント|[ァ-ヴー]{2,}"
    r"|เปอร์เซ็นต์|บาท|คน|ตารางเมตร|ตารางกิโลเมตร|กิโลเมตร|กิโลกรัม|เมตร|ตัน|ไร่|วัน|ปี|เดือน|ชั่วโมง|นาที"
    r"|ครั้ง|แห่ง|หลัง|คัน|ตัว|ชิ้น|เล่ม|ห้อง|องศา|ชั้น|สาขา|ลูก|ใบ|โรง|หมู่บ้าน|ครัวเรือน|ดอลลาร์"
    r"|[A-Za-z°µ]{1,4}(?![A-Za-z])|[\u3400-\u9fff])"
)
_MONEY = frozenset(("円", "元", "圆", "圓", "块", "美元", "日元", "日圓", "欧元", "人民币",
                    "ドル", "ユーロ", "ウォン", "บาท", "ดอลลาร์"))  # fmt: skip
_PERCENT = frozenset(("%", "％", "パーセント", "เปอร์เซ็นต์"))
_PART_OF_DATE = frozenset("月日號号")
_QUANTITY = re.compile(rf"(?P<money>[$€£¥￥₹฿] ?)?(?P<number>{_NUMBER})")
_JOINED_BEFORE = re.compile(r"(?:[A-Za-z\d/\\_~～〜–—<>=≤≥±#§-]|\d[.,，:：]|第|No\.|ที่) ?$")
_JOINED_BEHIND = re.compile(r" ?(?:[/~～〜–—:：-] ?\d|[.,]\d|\d)")
_TITLE = re.compile(
    r"「([^「」\n]{2,40})」|『([^『』\n]{2,40})』|《([^《》\n]{2,40})》|〈([^〈〉\n]{2,40})〉"
)
_LATIN = re.compile(
    r"(?<![A-Za-z0-9À-ɏ])[A-Za-zÀ-ɏ][A-Za-z0-9À-ɏ.&+'-]*(?: [A-Z0-9À-Þ][A-Za-z0-9À-ɏ.&+'-]*){0,4}"
)
_KATAKANA = re.compile(r"(?<![ァ-ヴー])[ァ-ヴ][ァ-ヴー]{2,}(?:[・＝][ァ-ヴー]+)*")
_ABBREVIATED = re.compile(r"(?:[\u0e01-\u0e2e]\u0e34?|[มเ][ีม\u0e22])\.$")
_SPOKEN = re.compile("[。！？!?]")


class Spaceless:
    """Finds values in sentences without spaces; knows what the corpus repeats, nothing else.

    Args:
        documents: the sentences of each document.
        is_common: see ``IsCommon``.
    """

    def __init__(self, documents: Sequence[Sequence[str]], is_common: IsCommon) -> None:
        self._is_common = is_common
        own = [[text for text in texts if lacks_spaces(text)] for texts in documents]
        self._terms = recurrent(own)
        self._katakana = Counter(
            word
            for texts in own
            for word in {m.group() for text in texts for m in _KATAKANA.finditer(text)}
        )
        self._most = max(1.0, _SPREAD * sum(map(bool, own)))

    def values(self, document: int, sentence: str) -> tuple[Value, ...]:
        """Values of a sentence of the document of this number, from left to right."""
        found: list[Value] = []
        taken = bytearray(len(sentence))
        for value, end in self._all(document, sentence):
            if len(value.text) > _LONGEST_VALUE or any(taken[value.start : end]):
                continue
            taken[value.start : end] = b"\x01" * (end - value.start)
            found.append(value)
        return tuple(sorted(found, key=lambda value: value.start))

    def _all(self, document: int, sentence: str) -> Iterator[tuple[Value, int]]:
        """Values, and where what belongs to them ends; the surest first."""
        for match in _TITLE.finditer(sentence):
            if not _SPOKEN.search(match.group()):
                yield _value(sentence, *match.span(match.lastindex or 0), "title")
        for match in _DATE.finditer(sentence):
            yield _value(sentence, *match.span(), "date")
        for match in _YEAR.finditer(sentence):
            start, end = match.span("year" if match["year"] else "thai")
            unit = "年" if match["year"] else ""
            yield Value(start, end, sentence[start:end], "year", unit), end
        for match in _TIME.finditer(sentence):
            yield _value(sentence, *match.span(), "time")
        for match in _QUANTITY.finditer(sentence):
            yield from _quantity(sentence, match)
        for match in _LATIN.finditer(sentence):
            yield from self._latin(sentence, match)
        for match in _KATAKANA.finditer(sentence):
            word = match.group()
            is_own = "・" in word or self._katakana[word] <= self._most
            if (
                is_own
                and not self._is_common(word)
                and not sentence[: match.start()].rstrip()[-1:].isdigit()
            ):
                yield _value(sentence, *match.span(), "katakana")
        for term in self._terms[document]:
            if self._is_common(term):
                continue
            start = sentence.find(term)
            while start >= 0:
                yield _value(sentence, start, start + len(term), "term")
                start = sentence.find(term, start + len(term))

    def _latin(self, sentence: str, match: re.Match[str]) -> Iterator[tuple[Value, int]]:
        text = match.group().rstrip(".-'&")
        words = re.findall(r"[^\W_]+", text)
        is_unit = sentence[: match.start()].rstrip()[-1:].isdigit()
        if len(text) < 3 or is_unit or not any(c.isupper() or c.isdigit() for c in text):
            return
        if sentence[match.start() - 1 : match.start()] in ("@", "/", "_", "%", "#", "="):
            return
        has_digit = any(c.isdigit() for c in text)
        if has_digit or not all(self._is_common(w.casefold()) or len(w) < 3 for w in words):
            kind: Kind = "code" if has_digit else "name"
            yield _value(sentence, match.start(), match.start() + len(text), kind)


def _value(sentence: str, start: int, end: int, kind: Kind) -> tuple[Value, int]:
    return Value(start, end, sentence[start:end], kind), end


def _quantity(sentence: str, match: re.Match[str]) -> Iterator[tuple[Value, int]]:
    """A number by what it counts, unless it is a part of something or numbers a section."""
    start, end = match.span("number")
    before = sentence[: match.start()]
    if _JOINED_BEFORE.search(before) or _JOINED_BEHIND.match(sentence, end):
        return
    if match["money"]:
        yield Value(match.start(), end, match.group(), "amount"), end
        return
    behind = _UNIT.match(sentence, end)
    unit = behind["unit"] if behind else ""
    if unit in _PART_OF_DATE or (not unit and len(match["number"]) < 2):
        return
    close = behind.end() if behind else end
    if unit in ("%", "％"):
        yield Value(start, close, sentence[start:close], "percentage"), close
        return
    kind: Kind = "amount" if unit in _MONEY else "percentage" if unit in _PERCENT else "number"
    yield Value(start, end, match["number"], kind, unit), close


def sentences_of(text: str) -> list[str]:
    """As ``split_sentences``; Thai is cut at spaces, and not behind an abbreviation."""
    joined: list[str] = []
    for sentence in split_sentences(text):
        if joined and _ABBREVIATED.search(joined[-1]):
            joined[-1] += f" {sentence}"
        else:
            joined.append(sentence)
    return [part for sentence in joined for part in _parted(sentence)]


def _parted(text: str) -> list[str]:
    """A block of Thai and its like, which have no mark at a sentence's end, in shorter parts.

    It is cut at spaces that have no number beside them, once a part is long enough to be told.
    """
    if not lacks_spaces(text) or length_of(text) <= _MOST_WORDS / 2 or not _has_spaces(text):
        return [text]
    parts: list[str] = []
    start = 0
    for match in re.finditer(r"(?<=[\u17d4\u104b])\s*|(?<![\d\s])\s+(?!\d)", text):
        if length_of(text[start : match.start()]) >= _MOST_WORDS / 4:
            parts.append(text[start : match.start()])
            start = match.end()
    rest = text[start:]
    if parts and length_of(rest) < _FEWEST_WORDS:
        parts[-1] = f"{parts[-1]} {rest}"
    elif rest:
        parts.append(rest)
    return [part for part in parts if part.strip()]


def _has_spaces(text: str) -> bool:
    """True if spaces part what is said: in Chinese and Japanese sentences end in marks."""
    return not re.search("[\u3001-\u3002\u3040-\u30ff\u3400-\u9fff]", text)


def is_spaceless_statement(text: str) -> bool:
    """As ``is_statement``, for a sentence of such a script."""
    if len(text) > _MOST_CHARACTERS or not _FEWEST_WORDS <= length_of(text) <= _MOST_WORDS:
        return False
    if _UNFINISHED.search(text) or _MARKUP.search(text):
        return False
    if any(text.count(opens) != text.count(closes) for opens, closes in _BRACKETS):
        return False
    said = sum(len(match.group()) for match in CHARACTER.finditer(text))
    return said + sum(c.isascii() and c.isalnum() for c in text) > 0.6 * len(text)
