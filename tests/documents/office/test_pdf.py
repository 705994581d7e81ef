"""PDFs written here by hand: lines at places, as a printer's program would put them."""

from collections.abc import Sequence

import pytest

from steep.documents.formats import Fault, Piece, read_bytes

pytest.importorskip("pypdfium2", reason="needs steep[pdf]")
Lines = Sequence[tuple[float, float, str]]


def pdf(pages: Sequence[Lines], title: str = "") -> bytes:
    """A PDF of pages of (x, y, text) lines in Helvetica 10."""
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    kids = []
    for lines in pages:
        drawn = "".join(f"BT /F 10 Tf {x} {y} Td ({text}) Tj ET\n" for x, y, text in lines)
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}endstream")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 600] /Contents {len(objects)} 0 R"
            " /Resources << /Font << /F 3 0 R >> >> >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    objects.append(f"<< /Title ({title}) /CreationDate (D:20260302) >>")
    out = b"%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    trailer = f"<< /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R >>"
    return (
        out
        + (
            f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n{trailer}\n"
            f"startxref\n{len(out)}\n%%EOF"
        ).encode()
    )


def read(data: bytes) -> tuple[list[Piece], list[Fault]]:
    found = list(read_bytes("a.pdf", data))
    return [p for p in found if isinstance(p, Piece)], [f for f in found if isinstance(f, Fault)]


PROSE = [
    "The harbour was built when the old fishing town grew along",
    "the northern shore, and its first pier was made of the trans-",
    "parent stone that well-",
    "known masons brought from the well-known hills in the east.",
]


def page(number: int, lines: Sequence[str]) -> Lines:
    body = [(50.0, 520.0 - 12 * n, text) for n, text in enumerate(lines)]
    return [(50, 580, "Harbour Yearbook 2026"), *body, (200, 20, f"- {number} -")]


# Broken by: running heads kept; mend_words not called; lines not joined.
def test_heads_go_and_words_and_paragraphs_are_mended() -> None:
    names = ["Ada", "Bea", "Cem", "Dag"]
    pages = [
        page(
            n,
            [
                *(f"{name} wrote this.", f"{name} read it.", f"Nobody but {name} did."),
                *PROSE,
                *(f"So {name} said.", f"It was {name}.", f"The page of {name} ends."),
            ],
        )
        for n, name in enumerate(names, start=1)
    ]
    (found,), faults = read(pdf(pages, "Harbours"))
    assert not faults and (found.title, found.date) == ("Harbours", "2026-03-02")
    assert "Yearbook" not in found.text and "- 2 -" not in found.text
    assert "made of the transparent stone that well-known masons brought" in found.text
    assert found.text.count("The page of Cem ends.") == 1
    assert "along the northern shore, and" in found.text


# Broken by: _GAP ignored.
def test_a_gap_parts_paragraphs() -> None:
    lines = [
        (50, 500, "First line of one"),
        (50, 488, "and its second"),
        (50, 460, "Another one"),
        (50, 448, "goes on"),
    ]
    (found,), _ = read(pdf([lines]))
    assert found.text == "First line of one and its second\n\nAnother one goes on"


def test_pages_without_text_are_reported() -> None:
    (found,), (fault,) = read(pdf([[(50, 500, "Text.")], [], [], [(50, 500, "More.")], []]))
    assert "Text." in found.text and "More." in found.text
    assert (fault.reason, fault.locator, fault.fatal) == ("no text", "pages 2-3, 5", False)
    pieces, (fault,) = read(pdf([[], []]))
    assert not pieces and fault.reason == "no text" and "neither text nor pic" in fault.detail
    drawing = ") Tj ET 0 0 99 99 re f BT ("  # a filled square between two texts of nothing
    pieces, (fault,) = read(pdf([[], [(50, 500, drawing)]]))
    assert not pieces and fault.reason == "no text" and "OCR" in fault.detail


@pytest.mark.parametrize("data", [b"", b"%PDF-1.4\n", b"hello", pdf([[(50, 500, "Text.")]])[:150]])
def test_broken_files_are_said(data: bytes) -> None:
    pieces, (fault,) = read(data)
    assert not pieces and fault.reason == "unreadable file" and "not a readable PDF" in fault.detail


def test_an_encrypted_file_is_said() -> None:
    data = pdf([[(50, 500, "Text.")]])
    encrypt = (
        b"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O ("
        + b"o" * 32
        + b") /U ("
        + b"u" * 32
        + b") >> /ID [(aaaaaaaaaaaaaaaa) (aaaaaaaaaaaaaaaa)] /Info"
    )
    pieces, (fault,) = read(data.replace(b"/Info", encrypt, 1))
    assert not pieces and "without a password" in fault.detail
