import codecs
import random

import pytest

from steep.documents.files.encoding import decode
from steep.errors import DocumentError

RUSSIAN = "Компания была основана в Москве в 1998 году и занимается разработкой программ. "
JAPANESE = (
    "会社は東京に本社を置き、ソフトウェアの開発を行っています。製品は世界中で販売されています。"
)


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
    ],
)
def test_a_byte_order_mark_decides(mark: bytes, encoding: str) -> None:
    assert decode(mark + RUSSIAN.encode(encoding)) == RUSSIAN


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (RUSSIAN, "utf-8"),
        (RUSSIAN * 3, "cp1251"),
        (RUSSIAN * 3, "koi8-r"),
        (JAPANESE, "shift_jis"),
        ("회사는 서울에 본사를 두고 있으며 소프트웨어를 개발합니다.", "euc-kr"),
        ("公司成立于一九九八年，总部位于北京，主要从事软件开发工作。" * 3, "gb18030"),
        ("Le château était fermé à l’arrivée des élèves; où êtes-vous allés hier ?", "cp1252"),
        ("plain ascii with no mark", "utf-16-le"),
        ("plain ascii with no mark", "utf-16-be"),
    ],
)
def test_encodings_are_detected(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_a_declared_encoding_is_used_for_html_only() -> None:
    page = '<meta charset="iso-8859-2"><p>Łódź'.encode("iso-8859-2")
    assert "Łódź" in decode(page, declared=True)


def test_utf8_with_one_broken_byte_stays_utf8() -> None:
    data = (RUSSIAN * 3).encode()
    assert decode(data + b"\xd0") == RUSSIAN * 3 + "\ufffd"


# Broken by: Windows-1252 not looked for; what is cut off taken for it.
def test_utf8_with_a_stretch_of_windows_1252_has_its_letters() -> None:
    good = "Über die Größe der Tür für Gäste wäre überall größere Mühe nötig. "
    pasted = "Für die Größe gemäß Prüfung – „so“ heißt’s.\n"
    assert decode(good.encode() + pasted.encode("cp1252") + good.encode()) == good + pasted + good
    cut = (RUSSIAN * 3).encode()[:-40]
    assert decode(cut + b"\xd0\n" + good.encode()).endswith(f"\ufffd\n{good}")


# Broken by: any NUL refused; NULs removed however many there are.
def test_a_nul_that_slipped_into_a_text_is_left_out() -> None:
    text = RUSSIAN * 10
    data = text.encode()
    assert decode(data[:20] + b"\x00" + data[20:]) == text
    with pytest.raises(DocumentError, match="NUL"):
        decode(data + b"\x00" * 2)


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        random.Random(0).randbytes(4000).replace(b"\x00", b"\x01"),
        codecs.BOM_UTF16_LE + b"\x00\xd8\x00",
        b"text with \x00 inside",
    ],
)
def test_binary_is_refused_with_advice(data: bytes) -> None:
    with pytest.raises(DocumentError, match="UTF-8") as caught:
        decode(data)
    assert "\n" not in str(caught.value)
