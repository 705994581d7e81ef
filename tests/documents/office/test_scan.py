"""Scanned pages: what is done with what an engine reads, and the real engine where installed."""

import io
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from steep.documents import read as reading
from steep.documents.files.entry import Budget
from steep.documents.formats import Fault, Piece, open_entry, read_entry
from steep.documents.office import pdf as reader
from steep.documents.office import scan
from steep.documents.read import collect
from steep.documents.sandbox.child import Terms
from steep.errors import DocumentError
from tests.documents.office.test_pdf import PROSE, pdf

pdfium = pytest.importorskip("pypdfium2", reason="needs steep[pdf]")
TEXT = [
    "The harbour was built when the old fishing town grew along",
    "the northern shore, and its first pier was made of the trans-",
    "parent stone that masons brought from the hills in the east.",
]
WHOLE = " ".join(TEXT).replace("trans- ", "trans")


def scanned(pages: list[list[str]], blank: int = 0, width: float = 400) -> bytes:
    """A PDF whose pages are pictures of these lines, and blank ones behind them."""
    drawn = pdfium.PdfDocument(
        pdf([[(50, 500 - 14 * n, text) for n, text in enumerate(page)] for page in pages])
    )
    made = pdfium.PdfDocument.new()
    for page in drawn:
        picture = pdfium.PdfImage.new(made)
        picture.set_bitmap(page.render(scale=3))
        picture.set_matrix(pdfium.PdfMatrix().scale(width, 600))
        sheet = made.new_page(width, 600)
        sheet.insert_obj(picture)
        sheet.gen_content()
    for _ in range(blank):
        made.new_page(400, 600)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def read(data: bytes, budget: Budget | None = None) -> list[Piece | Fault]:
    entry = open_entry("a.pdf", io.BytesIO(data), budget or Budget(len(data)))
    return list(read_entry(entry))


def engine_that_says(lines: list[str], calls: list[Any]) -> Any:
    """An engine that finds these lines in every picture, 14 points apart."""

    def engine(picture: Any) -> Any:
        calls.append(picture.shape)
        scale = picture.shape[0] / 600
        boxes = [
            [
                (scale * x, scale * y)
                for x, y in ((50, top), (320, top), (320, top + 10), (50, top + 10))
            ]
            for top in (90 + 14 * n for n in range(len(lines)))
        ]
        return SimpleNamespace(boxes=boxes or None, txts=tuple(lines) or None)

    return engine


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []
    monkeypatch.setattr(reader, "load_engine", lambda: engine_that_says(TEXT, found))
    return found


# Broken by: went_on not called; blank pages looked at; the flag left out.
def test_pages_without_text_are_read_and_flagged(calls: list[Any]) -> None:
    data = scanned([TEXT, TEXT], blank=1)
    beats: list[int] = []
    fault, piece = read(data, Budget(len(data), went_on=lambda: beats.append(1)))
    assert isinstance(piece, Piece) and isinstance(fault, Fault)
    assert piece.text == f"{WHOLE}\n\n{WHOLE}" and piece.flags == ("ocr",)
    assert (fault.reason, fault.locator) == ("no text", "page 3")
    assert len(calls) == 2 and len(beats) == 3


def test_a_page_with_text_is_not_looked_at(calls: list[Any]) -> None:
    (piece,) = read(pdf([[(50, 500, PROSE[0])]]))
    assert isinstance(piece, Piece) and piece.flags == () and not calls


# Broken by: _LONGEST_DOTS not looked at (a picture of 30 GB).
def test_a_vast_page_is_drawn_small(calls: list[Any]) -> None:
    read(scanned([TEXT], width=90_000))
    assert max(calls[0]) == scan._LONGEST_DOTS


def test_no_more_pages_are_read_than_the_most(
    calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MOST_PAGES", 1)
    fault, _ = read(scanned([TEXT, TEXT, TEXT]))
    assert isinstance(fault, Fault) and fault.locator == "pages 2-3" and len(calls) == 1


@pytest.mark.parametrize(
    ("there", "said"), [(False, "pip install 'steep[ocr]'"), (True, "another")]
)
def test_what_can_not_be_read_is_reported(
    there: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_that_says([], []) if there else None
    monkeypatch.setattr(reader, "load_engine", lambda: engine)
    (fault,) = read(scanned([TEXT]))
    assert isinstance(fault, Fault) and fault.reason == "no text" and said in fault.detail


@pytest.fixture
def installed() -> Iterator[None]:
    pytest.importorskip("rapidocr", reason="needs steep[ocr]")
    pytest.importorskip("onnxruntime", reason="needs steep[ocr]")
    yield
    scan.load_engine.cache_clear()


# Broken by: a limit of one processor second for the whole file and not for each page would end
# this child; memory below what the models need would too.
def test_in_the_sandbox(installed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "TERMS", Terms(processor_seconds=10))
    (tmp_path / "a.pdf").write_bytes(scanned([TEXT, ["Another page says little."]]))
    found = collect(tmp_path)
    (document,) = found.documents
    words, expected = document.text.split(), f"{WHOLE} Another page says little.".split()
    assert sum(word in words for word in expected) >= 0.9 * len(expected)
    assert document.flags[-1] == "ocr"
    with pytest.raises(DocumentError, match="no readable text"):
        collect(tmp_path, drop_flagged=["ocr"])
