from steep.documents.tables.fields import as_text, flatten


def test_flatten_numbers_lists_of_objects() -> None:
    assert flatten({"a": [{"b": 1}, {"b": 2}]}) == {"a 1 b": "1", "a 2 b": "2"}


def test_what_is_no_value_says_nothing() -> None:
    fields = {"a": None, "b": float("nan"), "c": b"\x89PNG", "d": 0, "e": False, "f": "<p>x</p>"}
    assert flatten(fields) == {"a": "", "b": "", "c": "", "d": "0", "e": "false", "f": "x"}


def test_a_text_in_blocks_is_their_text() -> None:
    blocks = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert as_text(blocks, "\n\n") == "one\n\ntwo"
    assert as_text([{"type": "note", "by": "Ann"}]) == "type: note. by: Ann."
