"""Dates: told from names, heads and headings, and known again in a text however it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from steep.documents.dates import common_date, dated_heading, day_in, known_date, says_date
from steep.documents.read import collect, read_documents
from steep.errors import DocumentError

NEWS = """News of the harbour

Release 2b - 2026-09-29 17:14:38 -0700

  Briefly:
    The north quay moves on 2026-10-31.

2026-09-30 stands here inside a paragraph of running text.

## [2a] - 2026-03-08

  The crane was repaired.
"""


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-09-29-report", "2026-09-29"),
        ("minutes_20260929", "2026-09-29"),
        ("a 2026_09_29 b", "2026-09-29"),
        ("2026-13-40, then 2026-09-29", "2026-09-29"),
        ("order 120260929", None),
        ("2026-09_29", None),
        ("1-2026-09-29-1", None),
        ("SN20190131", None),  # a serial number, an article's, and one of a day to come
        ("20190131CD", None),
        ("20991001.txt", None),
        ("20190131.txt", "2019-01-31"),
        ("NEWS2019-01-31", "2019-01-31"),
        ("20190131T101500", "2019-01-31"),
        ("2026-02-30", None),
        ("12 March 2026", "2026-03-12"),
        ("minutes_12-Mar-2026", "2026-03-12"),
        ("Wed, 5th of august, 2026", "2026-08-05"),
        ("Sept. 29, 2026 at noon", "2026-09-29"),
        ("am 12. März 2026", "2026-03-12"),
        ("12 MA\u0130 2026", "2026-05-12"),  # Seen to fail: a Turkish capital ended the reading.
        ("le 1er août 2026", "2026-08-01"),
        ("3 de mayo de 2026", "2026-05-03"),
        ("12.3.2026", "2026-03-12"),
        ("12. 03. 2026", "2026-03-12"),
        ("2026/3/12", "2026-03-12"),
        ("25/12/2026", "2026-12-25"),
        ("12/25/2026, 2026-01-01", "2026-12-25"),
        ("3/3/2026", "2026-03-03"),
        ("3/4/2026", None),  # of March or of April
        ("30/40/2026", None),
        ("Version 2026.1.2", None),
        ("1.2.2026.4", None),
        ("2026年9月29日", "2026-09-29"),
        ("२०२६-०३-१२", "2026-03-12"),
        ("١٢.٣.٢٠٢٦", "2026-03-12"),
    ],
)
def test_days_are_those_of_the_calendar(text: str, day: str | None) -> None:
    assert day_in(text) == day


# Broken by: taking the first three alternatives of says_date alone.
@pytest.mark.parametrize(
    "text",
    [
        "on 2026-09-05 the",
        "20260905",
        "5.9.2026",
        "9/5/2026",
        "5 September 2026",
        "Sept. 5th, 2026",
        "५ 5 सितंबर 2026",
        "5 de septiembre de 2026",
        "2026年9月5日",
        "५ सितंबर २०२६",
    ],
)
def test_a_date_is_known_however_it_is_written(text: str) -> None:
    assert says_date(text, "2026-09-05")
    assert not any(says_date(text, other) for other in ("2026-09-15", "2025-09-05"))


def test_a_date_that_is_not_said_is_missing() -> None:
    text = "Of 29 boats in 2026, 9 were new; part 12026-09-051."
    assert not any(says_date(text, date) for date in ("2026-09-29", "2026-09-05", "2026-09"))
    assert says_date(text, "2026") and says_date("September 2026", "2026-09")
    assert not says_date("no year", "2025")


def test_dates_that_cannot_be_are_none() -> None:
    assert known_date("2026-09-29T10:00:00Z") == "2026-09-29"
    assert (known_date("2026-09"), known_date("1998")) == ("2026-09", "1998")
    assert known_date("20260929") == known_date("20260929101500") == "2026-09-29"
    assert (known_date("12 March 2026"), known_date(" 2026/3/12 ")) == ("2026-03-12",) * 2
    assert known_date("12345") is known_date("4711") is known_date("1999-7") is None
    assert not any(map(known_date, (None, "", "0101-01-01T00:00", "2026-31-12", "May 2026")))


# Broken by: taking the first date of common_date.
def test_dates_of_one_document_count_as_far_as_they_agree() -> None:
    saved = "2026-01-15T10:00:00Z"
    assert common_date(saved, None, "2026-01-15") == "2026-01-15"
    assert common_date(saved, "2026-01-02") == "2026-01"
    assert common_date(saved, "2026-11-02", "2026") == "2026"
    assert common_date(saved, "2019-01-15") is common_date(None, "0101-01-01") is None


def test_headings_are_short_lines_with_a_day() -> None:
    assert dated_heading("Release 2b - 2026-09-29 17:14:38 -0700") == "2026-09-29"
    for line in ("  on 2026-09-29", "It was so on 2026-09-29.", "x " * 12 + "2026-09-29", "", "A"):
        assert dated_heading(line) is None


def test_dated_news_is_split_at_its_headings_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "NEWS.txt"
    path.write_text(NEWS)
    found = list(read_documents([f"{path}?split=dated"]))
    assert [(d.title, d.date) for d in found] == [
        ("NEWS", None),
        ("Release 2b - 2026-09-29 17:14:38 -0700", "2026-09-29"),
        ("[2a] - 2026-03-08", "2026-03-08"),
    ]
    assert [d.locator for d in found] == ["document 1", "document 2", "document 3"]
    together = " ".join(f"{d.title} {d.text}" for d in found).split()
    assert [w for w in NEWS.split() if w != "##"] == together[1:]  # "NEWS" is the file's name
    (whole,) = read_documents([str(path)])
    assert whole.date is None
    with pytest.raises(DocumentError, match="can't be split by 'dates'; use split=blank"):
        list(read_documents([f"{path}?split=dates"]))


# Broken by: yielding the one part of a file without a heading; no fault for what isn't clear.
def test_a_split_at_dates_that_finds_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "NEWS.txt"
    path.write_text("March\n\nThe quay moved.\n\n3/4/26\n\nIt moved on 2026-03-04.\n")
    with pytest.raises(DocumentError, match=r"no short line alone with a day.*as 2026-03-12"):
        list(read_documents([f"{path}?split=dated"]))
    path.write_text("12 March 2026\n\nThe quay moved.\n\n3/4/26\n\nIt moved back.\n")
    found = collect([f"{path}?split=dated"])
    assert [(d.date, d.text) for d in found.documents] == [
        ("2026-03-12", "The quay moved.\n\n3/4/26\n\nIt moved back.")
    ]
    assert [(d.reason, "'3/4/26'" in d.detail) for d in found.drops] == [("unclear date", True)]


def test_dates_come_from_front_matter_heads_and_names(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("---\ntitle: A\ndate: 2026-09-29T08:00:00\n---\n\nText of it.\n")
    (tmp_path / "b.html").write_text(
        "<html><head><title>B</title><meta property='article:published_time'"
        " content='2026-09-28T10:00'></head><body><p>A page of the town.</p></body></html>"
    )
    (tmp_path / "c-2026-09-27.txt").write_text("Text of another kind.\n")
    (tmp_path / "d-2026-09-27.csv").write_text("name,date\nBoat,2026-09-26\nQuay,\n")
    (tmp_path / "e.txt").write_text("Text without one.\n")
    lines = ['"date": "12 March 2026"', '"timestamp": "2019-04-25T12:57:54Z", "url": "a"']
    (tmp_path / "f.jsonl").write_text("".join(f'{{"text": "Of {len(n)}.", {n}}}\n' for n in lines))
    found = {d.source.split("/")[-1] + d.locator: d.date for d in read_documents([str(tmp_path)])}
    assert found == {
        "a.md": "2026-09-29",
        "b.html": "2026-09-28",
        "c-2026-09-27.txt": "2026-09-27",
        "d-2026-09-27.csvrow 1": "2026-09-26",
        "d-2026-09-27.csvrow 2": None,  # the name says when the table was written, not its rows
        "e.txt": None,
        "f.jsonlline 1": "2026-03-12",
        "f.jsonlline 2": None,  # a crawler's visit
    }
