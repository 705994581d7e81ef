"""Which encoding of Chinese, Japanese or Korean a text is in, told by what its pairs of bytes are.

Nearly any pair is a character in each of them, but a rare one in all but the right one: the
standards list the commonest characters first, and Japanese is written with kana throughout.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_FEWEST_PAIRS = 5
_SAMPLE_BYTES = 200_000


class _Encoding(NamedTuple):
    """``form``: all of a text; ``pair``: its characters of two bytes, of which at least
    ``least`` are ``common``."""

    name: str
    form: re.Pattern[bytes]
    pair: re.Pattern[bytes]
    common: re.Pattern[bytes]
    least: float


def _encoding(name: str, pair: bytes, common: bytes, least: float, single: bytes) -> _Encoding:
    form = rb"(?:%s|[\x00-\x7f%s]++)*+" % (pair, single)
    return _Encoding(name, re.compile(form), re.compile(pair), re.compile(common), least)


# Hangul, the first level of Chinese characters, and kana. Of several that fit the first is meant:
# Korean keeps to a part of what Chinese uses, and no other is written in kana.
_ENCODINGS = (
    _encoding("euc-jp", rb"[\xa1-\xfe]{2}", rb"[\xa4\xa5]", 0.1, rb""),
    _encoding("cp949", rb"[\xa1-\xfe]{2}", rb"[\xb0-\xc8]", 0.97, rb""),
    _encoding(
        "cp932",
        rb"[\x81-\x9f\xe0-\xfc][\x40-\x7e\x80-\xfc]",
        rb"\x82[\x9f-\xf1]|\x83[\x40-\x96]",
        0.1,
        rb"\xa1-\xdf",
    ),
    _encoding(
        "gb18030", rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]", rb"[\xb0-\xd7][\xa1-\xfe]", 0.9, rb""
    ),
    _encoding("big5", rb"[\xa1-\xf9][\x40-\x7e\xa1-\xfe]", rb"[\xa4-\xc6]", 0.9, rb""),
)
_MARKS = re.compile(rb"[\xa1-\xa3][\x40-\xfe]|\x81[\x40-\xac]")
"""Punctuation and full-width letters, which all of them have."""
_BETWEEN_WORDS = re.compile(rb"[\xa1-\xfe][ ,.:]+[\xa1-\xfe]")


def decode_by_pairs(data: bytes) -> str | None:
    """The text of bytes in Chinese, Japanese or Korean; None if it isn't clear that they are."""
    sample = data[:_SAMPLE_BYTES]
    for encoding in _ENCODINGS:
        form = encoding.form.match(sample)
        if form is None or form.end() < len(sample) - (len(data) > len(sample)):
            continue
        pairs = encoding.pair.findall(sample)
        written = [pair for pair in pairs if not _MARKS.match(pair)]
        common = sum(encoding.common.match(pair) is not None for pair in written)
        if len(written) < _FEWEST_PAIRS or common < encoding.least * len(written):
            continue
        # Korean alone parts its words.
        if encoding.name == "cp949" and not _BETWEEN_WORDS.search(sample):
            continue
        try:
            return data.decode(encoding.name)
        except UnicodeDecodeError:
            continue
    return None
