"""Which code page a text is in whose letters take a byte each, told by what its bytes would spell.

A byte beyond ASCII is a letter in one code page and another letter, or a sign, in the next. Each
language has a few such letters; the right page turns nearly every byte into one of them, in a
place where a letter stands, or into a common sign in a place where a sign does.
"""

from __future__ import annotations

import functools
import re
import string
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from steep.documents.cleaning.language import language_of

# Letters beyond ASCII.
_ALPHABETS = {
    "de": "äöüß", "fr": "àâæçéèêëîïôœùûüÿ", "es": "áéíñóúü", "pt": "áâãàçéêíóôõúü",
    "it": "àèéìíîòóùú", "nl": "éèëïöüêáóí", "sv": "åäöéàü", "da": "æøåéü", "nb": "æøåéòôü",
    "fi": "äöåšž", "en": "éèëïöçñ", "is": "áðéíóúýþæö", "ca": "àçèéíïòóúü",
    "pl": "ąćęłńóśźż", "cs": "áčďéěíňóřšťúůýž", "sk": "áäčďéíĺľňóôŕšťúýž", "hu": "áéíóöőúüű",
    "ro": "ăâîşţșț", "hr": "čćđšž", "sl": "čšžćđ", "tr": "çğıİöşüâîû",
    "et": "äõöüšž", "lt": "ąčęėįšųūž", "lv": "āčēģīķļņšūž",
    "ru": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя", "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "be": "абвгдеёжзійклмнопрстуўфхцчшыьэюя", "bg": "абвгдежзийклмнопрстуфхцчшщъьюя",
    "sr": "абвгдђежзијклљмнњопрстћуфхцчџш",
    "el": "αάβγδεέζηήθιίϊΐκλμνξοόπρσςτυύϋΰφχψωώ", "he": "אבגדהוזחטיךכלםמןנסעףפץצקרשת",
    "ar": "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي", "fa": "آأئابپتثجچحخدذرزژسشصضطظعغفقکكگلمنهويی",
}  # fmt: skip
_WESTERN = ("de", "fr", "es", "pt", "it", "nl", "sv", "da", "nb", "fi", "en", "ca")
_CENTRAL = ("pl", "cs", "sk", "hu", "ro", "hr", "sl")
_CYRILLIC = ("ru", "uk", "be", "bg", "sr")
# Of equals the earlier wins: first what Windows writes, last what old Macs and DOS wrote.
_PAGES = (
    ("cp1252", _WESTERN), ("cp1250", _CENTRAL), ("cp1254", ("tr",)), ("cp1257", ("et", "lt", "lv")),
    ("cp1252", ("is",)), ("iso-8859-15", _WESTERN), ("iso-8859-2", _CENTRAL),
    ("cp1255", ("he",)), ("cp1251", _CYRILLIC), ("koi8-r", ("ru",)), ("koi8-u", ("uk",)),
    ("iso-8859-5", _CYRILLIC), ("cp1253", ("el",)), ("iso-8859-7", ("el",)),
    ("cp1256", ("ar", "fa")), ("cp866", ("ru",)),
    ("cp850", _WESTERN), ("cp852", _CENTRAL), ("mac-roman", _WESTERN),
)  # fmt: skip
# The letters that make up two thirds of a text: other scripts' pages have as many letters.
_COMMON_LETTERS = {
    "ru": "оеаинтсрвлк", "uk": "оаинвтіерск", "be": "аінеоркстлы", "bg": "аоиетнрсвлд",
    "sr": "аиоенрсјтук", "el": "αάοόιίτεέσςνηήρυύ", "he": "יוהלתאמרבשנ", "ar": "اليمونترهبة",
    "fa": "اينردهومتبيسی",
}  # fmt: skip
_FEW_COMMON = 0.6
_UNCOMMON = 0.3
_WRITTEN_APART = frozenset("€£¥¢±×÷¼½¾¶¬¦")
_RAISED = frozenset("²³¹ªº")
_JOINING = frozenset("’‘´–—·\xa0\xad")
"""Signs that stand between two letters."""
_SIGNS = frozenset("،؛؟§©®°“”„…•«»¡¿µ†‡‰™‚‹›№") | _WRITTEN_APART | _RAISED | _JOINING
_SIGN = "sign"
_LONG_RUN = 5
"""So many letters beyond ASCII in a row aren't Latin ones."""
_LAST_LATIN, _ASCII_LETTERS = "\u024f", frozenset(string.ascii_letters)
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x19\x1b-\x1f\x7f]")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]{1,64}")
_MOST_RUNS = 5_000
_SAMPLE_BYTES = 4_000
_OTHER_LETTER = 0.95
"""What a letter counts that only another language of the page has (names, words it borrowed)."""
_CAPITALS = 0.05
"""Taken off what would be in capitals throughout: pages differ in where small letters stand."""
_WRONG_LANGUAGE = 0.1
_UNKNOWN_WORDS = 0.03
"""Taken off a language whose commonest words a running text would hold, but doesn't."""
# Languages whose commonest words steep.documents.cleaning.language doesn't know, or not enough of.
_UNWORDED = frozenset(("is", "ca", "sk", "hu", "hr", "sl", "et", "lt", "lv", "be"))
_FEWEST_WORDS = 10
_LEAST = 0.9


class _Run(NamedTuple):
    """Bytes beyond ASCII, with one more on each side."""

    before: bytes
    middle: bytes
    after: bytes


def decode_by_letters(data: bytes) -> str | None:
    """The text of bytes in a code page of letters; None if none fits well."""
    if _CONTROLS.search(data):
        return None
    found = islice(_BEYOND_ASCII.finditer(data), _MOST_RUNS)
    runs = Counter(
        _Run(data[max(0, m.start() - 1) : m.start()], m[0], data[m.end() : m.end() + 1])
        for m in found
    )
    if not runs:
        return None
    sample = data[:_SAMPLE_BYTES]
    scored = [(_score(page, own, runs, sample), page) for page, own in _PAGES]
    for score, page in sorted(scored, key=lambda one: -one[0]):
        if score < _LEAST:
            return None
        try:
            return data.decode(page)
        except UnicodeDecodeError:
            continue
    return None


def _score(page: str, own: tuple[str, ...], runs: Counter[_Run], sample: bytes) -> float:
    """How well the text is in a code page and one of its languages, at most 1."""
    letters: Counter[str] = Counter()
    for run, times in runs.items():
        for char in _placed(run, page):
            letters[char] += times
    signs, wrong = letters.pop(_SIGN, 0), letters.pop("", 0)
    total = letters.total() + signs + wrong
    text = sample.decode(page, "replace")
    language = language_of(text)
    is_unworded = language is None and _is_running(text)
    anywhere = frozenset[str]().union(*map(_letters_of, own))
    best = 0.0
    for candidate in (language,) if language in own and language != "en" else own:
        alphabet = _letters_of(candidate)
        right = sum(
            times * (1.0 if char in alphabet else _OTHER_LETTER * (char in anywhere))
            for char, times in letters.items()
        )
        doubt = _UNKNOWN_WORDS * (is_unworded and candidate not in _UNWORDED)
        if common := _COMMON_LETTERS.get(candidate):
            share = sum(letters[c] + letters[c.upper()] for c in common) / max(1, letters.total())
            doubt += _UNCOMMON * max(0.0, _FEW_COMMON - share)
            capitals = sum(times for char, times in letters.items() if char.isupper())
            doubt += _CAPITALS * (2 * capitals > letters.total())
        best = max(best, (signs + right) / total - doubt)
    is_foreign = language not in (None, "en", *own)
    return best - _WRONG_LANGUAGE * is_foreign


@functools.cache
def _letters_of(language: str) -> frozenset[str]:
    return frozenset(_ALPHABETS[language] + _ALPHABETS[language].upper())


def _placed(run: _Run, page: str) -> Iterator[str]:
    """Each letter that stands where a letter may, ``_SIGN`` for such signs, "" for the rest."""
    around = f" {b''.join(run).decode(page, 'replace')} "
    first = 1 + len(run.before)
    for index in range(first, first + len(run.middle)):
        before, char, after = around[index - 1], around[index], around[index + 1]
        if char in _SIGNS:
            is_odd = char not in _JOINING and before.isalpha() and after.isalpha()
            is_odd |= char in _WRITTEN_APART and (before.isalpha() or after.isalpha())
            is_odd |= char in _RAISED and (before.isspace() or after.isalpha())
            yield "" if is_odd else _SIGN
        else:
            is_odd = char.isupper() and (before.isdigit() or before.islower())
            is_odd |= after.isdigit()
            is_odd |= before.isupper() and char.isupper() and after.islower()
            is_odd |= char <= _LAST_LATIN and len(run.middle) >= _LONG_RUN
            is_odd |= char > _LAST_LATIN and bool(_ASCII_LETTERS.intersection((before, after)))
            yield char if char.isalpha() and not is_odd else ""


def _is_running(text: str) -> bool:
    """Mostly words in small letters, as in sentences, and enough of them to know a language by."""
    pieces = text.split()
    words = sum(piece.strip(".,;:!?").islower() for piece in pieces)
    return words >= _FEWEST_WORDS and words > 0.6 * len(pieces)
