import json

import pytest

from steep.documents.formats import Fault, Piece, read_bytes
from steep.documents.tables.json_files import read_json, read_jsonl


def whole(piece: Piece | Fault) -> tuple[str, str | None, str]:
    """A piece without its fields."""
    assert isinstance(piece, Piece)
    return piece[:3]


def test_jsonl_has_line_locators_and_reports_bad_lines() -> None:
    lines = '{"title": "A", "text": "one\u2028two"}\n\n{"text": oops}\n"three"\n4\n'
    first, bad, third, number = read_jsonl(lines)
    assert whole(first) == ("one\u2028two", "A", "line 1")
    assert isinstance(bad, Fault) and bad.locator == "line 3" and "not valid JSON" in bad.detail
    assert third == Piece("three", None, "line 4")
    assert isinstance(number, Fault) and "is 4, not an object" in number.detail


def test_a_list_on_a_line_is_many_documents() -> None:
    # Seen to fail with "is list, not an object": a .json file under another name was lost.
    first, second, bad = read_jsonl('[{"text": "one"}, {"text": "two"}, 3]\n')
    assert whole(first) == ("one", None, "line 1, item 1")
    assert whole(second) == ("two", None, "line 1, item 2")
    assert isinstance(bad, Fault) and "is 3, not an object" in bad.detail


# Broken by: reading line by line; "edge == closing" always or never true.
def test_values_laid_out_over_several_lines_are_read_and_a_broken_one_spares_the_rest() -> None:
    laid_out = json.dumps({"text": "one", "of": [1, 2]}, indent=2)
    both = json.dumps([{"text": "two"}, {"text": "three"}], indent=2)
    broken = '{\n  "text": "lost",\n'
    found = list(read_jsonl(f'{laid_out}\n\n{both}\n{broken}{{"text": "four"}}\n{laid_out}'))
    bad = found.pop(3)
    assert isinstance(bad, Fault) and bad.locator == "line 17" and "begins on" in bad.detail
    assert [whole(piece) for piece in found] == [
        ("one", None, "line 1"),
        ("two", None, "line 9, item 1"),
        ("three", None, "line 9, item 2"),
        ("four", None, "line 19"),
        ("one", None, "line 20"),
    ]


def test_json_lists_objects_and_nested_values() -> None:
    text = '[{"name": "A", "seat": {"city": "पुणे"}, "tags": ["x", "y"], "open": true, "no": null}]'
    (piece,) = read_json(text)
    assert whole(piece) == ("name: A. seat city: पुणे. tags: x, y. open: true.", "A", "item 1")
    assert list(read_json('{"text": "alone"}')) == [Piece("alone", None, "")]


# Broken by: _are_alike always False; items without _with_key.
def test_an_object_of_like_objects_is_a_table_by_key() -> None:
    first, second = '{"ask": "Who?", "n": 1, "of": ["x", "y"]}', '{"ask": "?", "n": 2, "id": "own"}'
    text = f'{{"a1": {first}, "b2": {second}}}'
    assert [whole(piece) for piece in read_json(text)] == [
        ("id: a1. ask: Who? n: 1. of: x, y.", "a1", "item 1"),
        ("key: b2. ask: ? n: 2. id: own.", "own", "item 2"),
    ]


# Broken by: "2 * common > counts.total()" always true; the test for Mapping left out.
@pytest.mark.parametrize(
    "text",
    [
        '{"seat": {"city": "Bonn"}}',
        '{"seat": {"city": "Bonn"}, "staff": {"count": 7, "women": 3}}',
        '{"seat": {"city": "Bonn"}, "home": {"city": "Köln"}, "staff": 7}',
        '{"seat": {}, "home": {}}',
    ],
)
def test_an_object_of_other_things_is_one_document(text: str) -> None:
    (piece,) = read_json(text)
    assert whole(piece)[2] == ""


def test_json_that_is_json_lines_is_read_as_that() -> None:
    assert [p.locator for p in read_json('{"text": "a"}\n{"text": "b"}\n')] == ["line 1", "line 2"]


@pytest.mark.parametrize("text", ['{"a": ', "[" * 100_000, "3", "[1]"])
def test_bad_json_is_a_fault(text: str) -> None:
    (fault,) = read_json(text)
    assert isinstance(fault, Fault) and "\n" not in fault.detail


# Broken by: items_within giving None; values beside the list lost; ``count`` kept.
def test_an_object_that_wraps_a_list_is_the_list() -> None:
    articles = [{"title": "A", "body": "x" * 300}, {"title": "B", "body": "short"}]
    for value in (
        {"count": 2, "articles": articles, "next_page": None, "links": {"self": "x"}},
        {"status": "ok", "data": {"total": 2, "articles": articles}},
    ):
        found = list(read_json(json.dumps(value)))
        assert [whole(one)[1:] for one in found] == [("A", "item 1"), ("B", "item 2")]
        assert found[1] == Piece("short", "B", "item 2", (("title", "B"),), ("title",))
    by_key = {"count": 2, "articles": {"a1": articles[0], "b2": articles[1]}}
    assert [one.locator for one in read_json(json.dumps(by_key))] == ["item 1", "item 2"]
    staff = {"firm": "TechCorp", "year": 2026, "staff": [{"name": "Ann", "year": 1}]}
    (ann,) = read_json(json.dumps(staff))
    assert whole(ann) == ("name: Ann. year: 1. firm: TechCorp.", "Ann", "item 1")


# Broken by: titles, texts, talks or other nested values not asked for.
@pytest.mark.parametrize(
    "value",
    [
        {"title": "Guide", "sections": [{"heading": "A", "content": "x"}]},
        {"text": "Hello.", "comments": [{"by": "Ann"}]},
        {"id": "c1", "messages": [{"role": "user", "content": "Why?"}]},
        {"id": "c1", "conversations": [{"from": "human", "value": "Why?"}]},
        {"a": [{"b": 1}], "c": [{"d": 1}]},
        {"a": [{"b": 1}], "seat": {"city": "Bonn"}},
        {"a": [{"b": 1}, 2]},
        {"casebody": {"opinions": [{"text": "So ordered."}]}},
    ],
)
def test_other_objects_with_lists_are_one_document(value: dict[str, object]) -> None:
    (piece,) = read_json(json.dumps(value))
    assert whole(piece)[2] == ""


# Broken by: the text that the user named looked for in the items alone.
def test_a_named_list_is_the_text() -> None:
    value = json.dumps({"count": 1, "turns": [{"by": "Ann", "said": "Go."}]})
    (piece,) = read_json(value, {"text": "turns"})
    assert whole(piece)[0] == "by: Ann. said: Go."


# Broken by: piece_of, which raises, in place of Records.piece.
def test_a_line_without_the_named_text_costs_that_line() -> None:
    lines = '{"answer": "a"}\n{"note": "b"}\n{"answer": "c"}\n'
    found = list(read_bytes("a.jsonl", lines.encode(), {"text": "answer"}))
    assert [(type(one), one.locator) for one in found] == [
        (Piece, "line 1"),
        (Fault, "line 2"),
        (Piece, "line 3"),
    ]
