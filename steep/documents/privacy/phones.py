"""Phone numbers: with the sign or prefix of a country, as North America writes them, or behind a
word that says so. Order numbers, dates, paragraphs of rules and measured values look much alike."""

from __future__ import annotations

import re

# Country codes (ITU-T E.164), so that not every number with two zeros counts.
_COUNTRY = (
    r"(?:1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"
    r"|(?:2[1-69]|3[578]|42|50|59|6[7-9]|8[058]|9[679])\d)"
)
_THREE = r"[2-9]\d\d"
# What begins with a set of characters is found far faster than what looks behind itself first.
PHONE = re.compile(
    r"[+(0-9](?:"
    r"(?<=\+)(?<![\w+].)[1-9]\d{0,2}[ .-]?\(?\d(?:[ ().-]{0,2}\d){6,12}\b"
    rf"|(?<=\()(?<!\w.){_THREE}\)[ -]?{_THREE}[ .-]\d{{4}}(?![\w-]|[.,]\d)"
    rf"|(?:(?<=1)(?<![\w.,+/#-]1)[ .-]\(?{_THREE}\)?|(?<=[2-9])(?<![\w.,+/#-].)\d\d)"
    rf"[ ./-]{_THREE}[ .-]\d{{4}}(?![\w/-]|[.,]\d)"
    r"|(?:(?<=0)(?<![\w.,+/#-]0)(?<!\d 0)|(?<=\()0)\d(?:[ ()./-]{0,3}\d){5,12}"
    r"(?![\w-]|[ .,/:]?\d)"
    r")"
)
_LABEL = re.compile(
    r"(?<![^\W\d_])(?:t[ée]l|t[ée]l[ée](?:ph|f)on[eo]?|telefoon|telefax|fax|phone|call(?!\s+n)|dial"
    r"|mobile?|m[óo]vil|celular|cellulare|cell ?phone|cell(?=:)|handy|fon|tlf|hotline|whatsapp|sms"
    r"|puhelin|(?:ruf|fax|(?:telefon|handy|mobil)(?:funk)?)nummer|durchwahl)"
    r"(?:[\s.:,()/*|–-]|\b(?:us|me|him|her|them|on|at|is|number|no|nr|n[uú]mero|numéro|toll|free"
    r"|the|office|desk|home|work|privat|büro|mobile?|fax|unter|ist|die|der|au|al|el|le)\b)*+$",
    re.IGNORECASE,
)
_LABEL_CHARACTERS = 40
_DAY_OR_HOURS = re.compile(
    r"\(?\d{1,2}([./-])\d{1,2}\1(?:\d\d|\d{4})|[01]\d[0-5]\d ?[/-] ?[012]\d[0-5]\d"
)
_ABROAD = re.compile(rf"00{_COUNTRY} (?:\(0\) ?)?[1-9]\d{{0,10}}(?:[ /-]\d{{2,8}}){{0,5}}")
_DIGITS_ABROAD = 12
_FOURS = re.compile(r"\d{4}(?: \d{4})+")
_BY_LINES = re.compile(r"(?:1[ .-])?(?:\d{3}([.-])\d{3}\1\d{4}|\(\d{3}\)[ -]\d{3}[.-]\d{4})")
_OTHER_NUMBER = re.compile(
    r"(?:§|#|\b(?:parts?|orders?|items?|models?|serial|sku|invoices?|isbn|issn|ndc|docket|cases?"
    r"|ref(?:erence)?|catalog(?:ue)?|article|sections?|rules?|chapters?|nos?|nr|id)\b(?!,))"
    r"(?:[\W\d]|\b(?:nos?|numbers?|nr|id|and|or|to|through)\b)*+$",
    re.IGNORECASE,
)
_RULES = re.compile(r"\b(?:WAC|OAR|CFR|Administrative (?:Code|Rules?))\b")
_RULES_CHARACTERS = 300


_THOUSANDS = re.compile(r"\+\d{1,3}(?:[ .]\d{3})+")
_UNIT = re.compile(
    r"[ .]?(?:[$€£¥₹%]|(?!(?:AND|FAX|TEL)\b)[A-Z]{3}\b|(?:euros?|dollars?|pounds?|units)\b)"
)


def _is_amount(text: str, value: str, end: int) -> bool:
    """True for a sum with its sign ("+150 000 000 EUR"), which is written in thousands."""
    return _THOUSANDS.fullmatch(value) is not None and _UNIT.match(text, end) is not None


def is_phone(match: re.Match[str]) -> bool:
    """Is what ``PHONE`` matched a phone number, by what stands before it and how it is written?"""
    text, value, start = match.string, match[0], match.start()
    if value[0] == "+" and _is_amount(text, value, match.end()):
        return False
    if value[0] == "+" or (value[0] == "(" and value[1] != "0"):
        return True
    near = max(0, start - _LABEL_CHARACTERS)
    if _LABEL.search(text, near, start):
        return not _DAY_OR_HOURS.fullmatch(value)
    if value.startswith("00"):
        is_long = sum(map(str.isdigit, value)) >= _DIGITS_ABROAD
        return is_long and bool(_ABROAD.fullmatch(value)) and not _FOURS.fullmatch(value)
    if value[0] in "(0" or not _BY_LINES.fullmatch(value):
        return False
    rules = _RULES.search(text, max(0, start - _RULES_CHARACTERS), match.end() + _RULES_CHARACTERS)
    return rules is None and not _OTHER_NUMBER.search(text, near, start)
