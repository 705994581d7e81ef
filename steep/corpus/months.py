"""Months by name, as they are written inside a sentence."""

from __future__ import annotations

ENGLISH = "January|February|March|April|May|June|July|August|September|October|November|December"
GERMAN_ALONE = "Januar|Jänner|Februar|Feber|März|Mai|Juni|Juli|Oktober|Dezember"
"""Those that no other language of the list writes so, capital and all."""

_GERMAN = f"{GERMAN_ALONE}|April|August|September|November"
_FRENCH = "janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre"
_SPANISH = (
    "enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|setiembre|octubre|noviembre"
    "|diciembre"
)
_ITALIAN = "gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|novembre|dicembre"
_PORTUGUESE = "janeiro|fevereiro|março|maio|junho|julho|setembro|outubro|novembro|dezembro"
_DUTCH = "januari|februari|maart|april|mei|juni|juli|augustus|september|oktober|november|december"
_NORDIC = "januar|februar|marts|maj|august|desember|augusti"
_FINNISH = "(?:tammi|helmi|maalis|huhti|touko|kesä|heinä|elo|syys|loka|marras|joulu)kuuta"
_POLISH = (
    "stycznia|lutego|marca|kwietnia|maja|czerwca|lipca|sierpnia|września|października|listopada"
    "|grudnia"
)
_CZECH = "ledna|února|března|dubna|května|června|července|srpna|září|října|listopadu|prosince"
_RUSSIAN = "января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря"
MONTHS = "|".join(
    (ENGLISH, _GERMAN, _FRENCH, _SPANISH, _ITALIAN, _PORTUGUESE, _DUTCH, _NORDIC, _FINNISH,
     _POLISH, _CZECH, _RUSSIAN)
)  # fmt: skip
