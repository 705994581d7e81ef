"""What is written onto the end of an answer: Korean particles, and Turkish case endings.

"서울은" and "서울에서" say 서울, "Ankara'da" says Ankara. Only what is written as a grammar says is
an ending: in Korean many particles have one form behind a vowel and another behind a consonant, so
"나이" (age) doesn't say 나, and in Turkish an apostrophe parts a name from its ending.
"""

from __future__ import annotations

import re
from typing import Literal

JOINT = "\x02"
"""Stands in a line between a name and its Turkish ending, where an apostrophe was."""

_TURKISH = (
    r"(?:l[ae]r)?(?:s?[ıiuü])?"
    r"(?:n?(?:[dt][ae](?:n|ki)?|[ae]|[ıiuü]n?)|y[aeıiuü]|y?l[ae])?(?:y?[dt][ıiuü]r?)?"
)
_TURKISH_ENDING = re.compile(rf"(?<=\w)['\u2019](?=\w)(?={_TURKISH}(?![\w'\u2019]))")

_FIRST, _LAST, _FINALS, _RIEUL = 0xAC00, 0xD7A3, 28, 8
# Behind a consonant, behind a vowel, behind either.
_CLOSED = ("은", "이", "을", "과", "으로", "이나", "이랑", "이라", "이라고", "이며", "이고",
           "이다", "이에요", "이었다", "이었습니다", "이죠")  # fmt: skip
_OPEN = ("는", "가", "를", "와", "로", "랑", "라", "라고", "며", "고", "다", "예요", "였다",
         "였습니다", "죠")  # fmt: skip
_EITHER = ("의", "에", "에서", "에게", "께서", "한테", "도", "만", "부터", "까지", "보다", "처럼",
           "하고", "마다", "조차", "입니다", "입니까", "이었고", "인데")  # fmt: skip
_BEHIND_OTHERS = ("은", "는", "도", "만", "의", "가", "입니다", "이다")
_MORE_BEHIND = tuple(
    first + second
    for first in ("에", "에서", "에게", "부터", "까지", "으로", "로", "와", "과", "만", "보다")
    for second in ("은", "는", "도", "만", "의", "가", "입니다", "이다")
    if first != second
)
Form = Literal["closed", "open", "either"]
_FORMS: dict[str, Form] = {
    **{form: "closed" for form in _MORE_BEHIND if form.startswith(("으로", "과"))},
    **{form: "open" for form in _MORE_BEHIND if form.startswith(("로", "와"))},
    **{form: "either" for form in _MORE_BEHIND if form.startswith(_EITHER)},
    **dict.fromkeys(_CLOSED, "closed"),
    **dict.fromkeys(_OPEN, "open"),
    **dict.fromkeys(_EITHER, "either"),
}
_LONGEST = max(map(len, _FORMS))


def with_joints(line: str) -> str:
    """A line in small letters whose apostrophes before a Turkish ending are ``JOINT``."""
    return _TURKISH_ENDING.sub(JOINT, line)


def stems_of(word: str) -> tuple[str, ...]:
    """What a word may say without a Korean particle at its end; empty if it has none."""
    if not word or not _is_syllable(word[-1]):
        return ()
    ends = range(max(1, len(word) - _LONGEST), len(word))
    return tuple(word[:end] for end in ends if _fits(word[:end], word[end:]))


def _is_syllable(letter: str) -> bool:
    return _FIRST <= ord(letter) <= _LAST


def _fits(stem: str, particle: str) -> bool:
    """True if this is a particle, in the form that stands behind the stem's last letter."""
    form = _FORMS.get(particle)
    if form is None or form == "either" or not _is_syllable(stem[-1]):
        return form is not None  # behind Latin letters it depends on how they are read
    final = (ord(stem[-1]) - _FIRST) % _FINALS
    closed = final > 0 and not (final == _RIEUL and particle.startswith(("로", "으로")))
    return closed == (form == "closed")
