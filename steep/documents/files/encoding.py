"""From bytes to text: byte order mark, UTF-8, a declared encoding, then what the bytes spell."""

from __future__ import annotations

import codecs
import contextlib
import re

from steep.documents.files.byte_pairs import decode_by_pairs
from steep.documents.files.code_pages import decode_by_letters
from steep.errors import DocumentError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_.:-]{2,40})""")
# What browsers take these names to mean (WHATWG Encoding Standard).
_BROWSER = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "windows-1252": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "iso-8859-9": "cp1254",
    "iso-8859-2": "iso-8859-2",
    "iso-8859-15": "iso-8859-15",
    "windows-1250": "cp1250",
    "windows-1251": "cp1251",
    "windows-1253": "cp1253",
    "windows-1254": "cp1254",
    "windows-1255": "cp1255",
    "windows-1256": "cp1256",
    "koi8-r": "koi8-r",
    "koi8-u": "koi8-u",
    "big5": "big5hkscs",
    "euc-jp": "euc-jp",
    "gb18030": "gb18030",
}
_SHIFTED = re.compile(rb"\x1b\$[@B][\x21-\x7e]{2,10000}\x1b\([BJ]")
"""ISO-2022-JP: signs of ASCII that an escape sequence makes Japanese, as mail once had it."""
_ESCAPED = re.compile("[\udc80-\udcff]")
_KANA_OR_HANGUL = re.compile("[\u3041-\u30fa\uac00-\ud7a3]")
_BYTES_PER_NUL = 1000
"""At least; more NULs are of a binary file, fewer slipped into a text."""
# Bytes of Windows-1252 in UTF-8: letters beside a plain one, quotation marks and dashes between
# plain signs. What was cut off in other scripts stands at a space or at another broken byte.
_LONE = re.compile(
    "(?<=[A-Za-z])[\udca0-\udcff]{1,2}(?=[\t\n\r -~])"
    "|(?<=[\t\n\r -~])[\udca0-\udcff]{1,2}(?=[A-Za-z])"
    "|(?<=[\t\n\r -~])[\udc80\udc82-\udc85\udc8b\udc91-\udc97\udc9b](?=[\t\n\r -~])"
)
_MIN_WIDE_BYTES = 16
"""Fewer bytes than this don't show whether they are UTF-16 without a mark."""
_MAX_CHAOS = 0.1
"""charset_normalizer's mess ratio (0 is clean text) above which its best guess isn't used."""
_MIN_COHERENCE = 0.1
"""Its share of evidence for a known language, below which its best guess isn't used."""


def decode(data: bytes, *, declared: bool = False) -> str:
    """Return the text of a file's bytes, without a byte order mark.

    ``declared`` looks for an encoding declared in the first 2,048 bytes (HTML), used where the
    bytes aren't UTF-8.

    Raises:
        DocumentError: the bytes are binary or in no encoding that can be told with confidence.
            The message continues a sentence that names the file.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strictly(data[len(mark) :], encoding)
    if _SHIFTED.search(data):
        with contextlib.suppress(UnicodeDecodeError):
            return data.decode("iso2022_jp_ext")
    if b"\x00" in data:
        wide = _wide_encoding(data)
        if wide is not None or _BYTES_PER_NUL * data.count(0) > len(data):
            return _strictly(data, wide)
        data = data.replace(b"\x00", b"")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if declared and (match := _DECLARED.search(data[:2048])):
        named = _BROWSER.get(match[1].decode("ascii").lower())
        if named is not None:
            return data.decode(named, "replace")
    damaged = _damaged_utf8(data)
    if damaged is not None:
        return damaged
    return decode_by_letters(data) or decode_by_pairs(data) or _detect(data)


def _strictly(data: bytes, encoding: str | None) -> str:
    if encoding is not None:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            raise DocumentError(f"claims to be {encoding} but isn't; save it as UTF-8") from error
    raise DocumentError("is not text (it holds NUL bytes); convert it to text, saved as UTF-8")


def _wide_encoding(data: bytes) -> str | None:
    """UTF-16 without a byte order mark: zeros in nearly only every other byte, and many."""
    sample = data[:65536]
    if len(data) % 2 or len(data) < _MIN_WIDE_BYTES:
        return None
    half = len(sample) / 2
    even, odd = sample[0::2].count(0) / half, sample[1::2].count(0) / half
    if max(even, odd) < 0.3 or min(even, odd) > 0.02:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _damaged_utf8(data: bytes) -> str | None:
    """UTF-8 with some bytes of Windows-1252, and a few broken ones, which become U+FFFD."""
    text = data.decode("utf-8", "surrogateescape")
    broken = len(_ESCAPED.findall(text))
    whole = sum(not char.isascii() for char in text) - broken
    text, runs = _LONE.subn(_western, text)
    left = len(_ESCAPED.findall(text))
    if whole < max(20 * left, 2 * runs):
        return None
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _western(lone: re.Match[str]) -> str:
    return lone[0].encode("utf-8", "surrogateescape").decode("cp1252")


def _detect(data: bytes) -> str:
    """Decode with charset_normalizer's best guess, if the guess is good."""
    from charset_normalizer import from_bytes

    matches = from_bytes(data, threshold=_MAX_CHAOS)
    # Old code pages of the Mac have a letter for every byte, and so suit much that isn't theirs.
    best = next((one for one in matches if not one.encoding.startswith("mac_")), matches.best())
    if best is not None:
        text = str(best)
        if best.coherence >= _MIN_COHERENCE or _is_kana_or_hangul(text):
            return text
    raise DocumentError("is in no encoding that can be told with confidence; save it as UTF-8")


def _is_kana_or_hangul(text: str) -> bool:
    """True if a guess reads as Japanese or Korean, for which coherence isn't measured."""
    written = [char for char in text if not char.isascii()]
    return len(_KANA_OR_HANGUL.findall(text)) > 0.25 * len(written)
