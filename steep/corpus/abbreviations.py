"""Dots that end no sentence: those of abbreviations, initials, ordinals and dates.

An abbreviation that is also a word ("art.", "no.", "sec.") counts only where what it abbreviates
comes with a number. Words that people end sentences with ("им.", "etc.") are left to what follows.
"""

from __future__ import annotations

import re

from steep.corpus.spans import MARKS
from steep.documents.months import GERMAN_ALONE, MONTHS

_SHORT = (
    "mr mrs ms dr prof st jr sr vs v e.g i.e cf al fig vol pp ed eds inc ltd co corp approx dept "
    "est gen gov hon rev sen jan feb mar apr jun jul aug sep sept oct nov dec messrs capt lt sgt "
    "bzw z.b d.h u.a vgl sog bspw ggf inkl exkl zzgl evtl i.d.r i.v.m i.s.d i.s.v geb mio mrd tsd "
    "mme mmes mlle mlles p.ex ste sra srta sres dra dña p.ej aprox exmo exma "
    "sig sigg sig.ra sig.na dott dott.ssa prof.ssa avv geom egr spett p.es cfr "
    "bijv d.w.z o.a dhr mevr drs f.eks bl.a t.ex s.k dvs d.v.s fr.o.m t.o.m p.g.a esim "
    "np tzn tzw tj ul św hab inż m.in např tzv mudr judr nám pl ún "
    "г ул проф акад тов т.е т.к св κ κα κ.κ π.χ δηλ डॉ प्रो पं"
)
_CAPITALISED = "Hr Hrn Fr Frl Dipl Ing Mag Mgr MM Pr Av Avda Lic Skt Sn Doç EE Mt"
_COUNTING = (
    "no nos art arts artt sec secs sect cl para paras reg regs sch ch chap cap pt tab eq ref ver "
    "op rs ca c p n s l t nr abs ziff rn rz bd tel gem env séc núm pág págs pag pagg blz kl stk "
    "pkt kap jf klo ust poz godz čl odst č kb ст п стр рис гл т с д тел αρ άρθρ σελ रु सं क्र"
)
_LAST = "etc usw usf ecc enz itd atd"
_ALWAYS = frozenset(_SHORT.split())
_AS_WRITTEN = frozenset(_CAPITALISED.split())
_BEFORE_NUMBERS = frozenset(_COUNTING.split())
_MAY_END = frozenset(_LAST.split())

_LOOK = 32  # characters around a dot
_LAST_WORD = re.compile(rf"([^\W\d_](?:[\w.{MARKS}]*[\w{MARKS}])?)\.$")
_SPACED = re.compile(r"(?<![\w.])((?:[^\W\d_]\.\s)+[^\W\d_][\w.]*)\.$")
_INITIALS = re.compile(r"(?:[A-Z]\.)+[A-Z]\.")  # "the EU-U.S. Framework"
# What begins a sentence behind them, so that they may end one.
_BEGINS = re.compile(
    r"(?:The|This|These|That|Its?|He|She|They|We|In|On|At|For|If|As|But|And|An?|You|Your|Our|However"
    r"|When|After|To|His|Her|By|With|All|No|There|Since|While|From|Under|Many|Most|Some|Both|Then|Who"
    r"|What|D(?:er|ie|as)|Eine?|Er|Sie|Es|Im|L(?:e|a|es|os|as|o)|Une?|Una|Ils?|Elles?|El|En|Os?)\b"
)
_GOES_ON = re.compile(r"(?:[^\W\d_]|Chr)\.")  # "z. B.", "v. Chr."
_AFTER_NUMBER = re.compile(r"\d\s?[^\W\d_]\.$")
_NUMBER = re.compile(r"[(\[]?(?:§|\d|[IVXLCDM]{2,}\b|[VX]\b|[A-Z][.\s-]?\s?\d)")
_FIRST_LETTER = re.compile(r"[\W_]*(\w?)")

_DAY = re.compile(r"(?<![\w.,])\d{1,2}\.$")
_MONTH_BEHIND = re.compile(
    rf"(?:{GERMAN_ALONE})\b"
    rf"|(?i:{MONTHS}|Jan|Feb|Mär|Apr|Aug|Sept?|Okt|Nov|Dez)\b\.?\s+\d{{4}}\b"
)
_NUMERIC = re.compile(
    r"(?<![\w.,])(?:\d{1,2}\.\s?\d{1,2}\.\s?(?:\d{4}|\d{2})|\d{4}\.\s?\d{1,2}\.\s?\d{1,2})(?![\w:])"
)
_BEHIND_ARTICLE = re.compile(r"(?<!\w)(?:im|der|die|dem|zum|zur|vom|beim)\s\d{1,2}\.$", re.I)
_BEHIND_DAY_WORD = re.compile(r"(?<!\w)(?:am|den|des|ab|bis|seit|und)\s\d{1,2}\.$", re.I)
_SHARED_MONTH = re.compile(r"(?:April|August|September|November)\b")


def is_inside(text: str, dot: int, end: int) -> bool:
    """True if the dot at ``text[dot]`` ends no sentence; what follows begins at ``end``."""
    before = text[max(0, dot - _LOOK) : dot + 1]
    behind = text[end : end + _LOOK].lstrip()
    if before[-2:-1].isdigit():
        return _is_of_date(before, behind)
    found = _LAST_WORD.search(before)
    return found is not None and _is_short(found[1], before, behind)


def _is_short(word: str, before: str, behind: str) -> bool:
    small = word.lower()
    if _INITIALS.fullmatch(f"{word}.") and behind[:1].isupper() and not _BEGINS.match(behind):
        return True
    if len(word) == 1:
        if word.isupper() or "\u0590" <= word <= "\u06ff":  # initials; of Hebrew and Arabic too
            return True
        if _GOES_ON.match(behind):
            return True
        if _AFTER_NUMBER.search(before):  # a unit: "5 m."
            return False
    spaced = _SPACED.search(before)
    if small in _ALWAYS or (spaced and "".join(spaced[1].split()).lower() in _ALWAYS):
        return True
    if word in _AS_WRITTEN:
        return True
    if small in _BEFORE_NUMBERS or small.endswith("str"):
        return _NUMBER.match(behind) is not None
    first = _FIRST_LETTER.match(behind)
    return small in _MAY_END and first is not None and not first[1].isupper()


def _is_of_date(before: str, behind: str) -> bool:
    """True for the dots of "3. März", "3. 5. 1954", "2024. 05. 17", and of "im 19. Jahrhundert"."""
    if behind[:1].isdigit():
        dates = _NUMERIC.finditer(before + " " + behind)
        return any(date.start() < len(before) <= date.end() for date in dates)
    if not behind[:1].isupper() or not _DAY.search(before):
        return False
    if _BEHIND_ARTICLE.search(before) or _MONTH_BEHIND.match(behind):
        return True
    return _BEHIND_DAY_WORD.search(before) is not None and _SHARED_MONTH.match(behind) is not None
