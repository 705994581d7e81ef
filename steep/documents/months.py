"""Months by name, as they are written inside a sentence."""

from __future__ import annotations

ENGLISH = "January|February|March|April|May|June|July|August|September|October|November|December"
GERMAN_ALONE = "Januar|Jänner|Februar|Feber|März|Mai|Juni|Juli|Oktober|Dezember"
"""Those that no other language of the list writes so, capital and all."""

_GERMAN = "Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember"
_FRENCH = "janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre"
_SPANISH = (
    "enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre"
)
_ITALIAN = (
    "gennaio|febbraio|marzo|aprile|maggio|giugno|luglio|agosto|settembre|ottobre|novembre|dicembre"
)
_PORTUGUESE = (
    "janeiro|fevereiro|março|abril|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro"
)
_DUTCH = "januari|februari|maart|april|mei|juni|juli|augustus|september|oktober|november|december"
_DANISH = "januar|februar|marts|april|maj|juni|juli|august|september|oktober|november|december"
_NORWEGIAN = "januar|februar|mars|april|mai|juni|juli|august|september|oktober|november|desember"
_SWEDISH = "januari|februari|mars|april|maj|juni|juli|augusti|september|oktober|november|december"
_FINNISH = (
    "tammikuuta|helmikuuta|maaliskuuta|huhtikuuta|toukokuuta|kesäkuuta|heinäkuuta|elokuuta"
    "|syyskuuta|lokakuuta|marraskuuta|joulukuuta"
)
_POLISH = (
    "stycznia|lutego|marca|kwietnia|maja|czerwca|lipca|sierpnia|września|października|listopada"
    "|grudnia"
)
_CZECH = "ledna|února|března|dubna|května|června|července|srpna|září|října|listopadu|prosince"
_RUSSIAN = "января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря"

_OTHER = {"Jänner": 1, "Feber": 2, "setiembre": 9}
_NUMBERS = {
    name: number
    for names in (
        ENGLISH, _GERMAN, _FRENCH, _SPANISH, _ITALIAN, _PORTUGUESE, _DUTCH, _DANISH, _NORWEGIAN,
        _SWEDISH, _FINNISH, _POLISH, _CZECH, _RUSSIAN,
    )
    for number, name in enumerate(names.split("|"), start=1)
} | _OTHER  # fmt: skip

MONTHS = "|".join(_NUMBERS)
"""Every name as it is written, as alternatives of a regular expression."""

SHORT = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|Sept"
"""English short forms, as alternatives of a regular expression."""

_SHORT_NUMBERS = {name: number for number, name in enumerate(SHORT.split("|")[:12], start=1)}
_BY_NAME = {
    name.casefold(): number for name, number in (_NUMBERS | _SHORT_NUMBERS | {"Sept": 9}).items()
}
# A pattern that ignores case takes Turkish letters for an i too: "APR\u0130L".
_ONE_I = str.maketrans({"\u0131": "i", "\u0307": None})


def month_of(name: str) -> int:
    """Which month, 1 to 12, a name or an English short form is, in whatever case it was found."""
    return _BY_NAME[name.casefold().translate(_ONE_I)]
