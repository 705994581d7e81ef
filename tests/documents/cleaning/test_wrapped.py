import pytest

from steep.documents.cleaning.wrapped import begins_item, ends_sentence, join_lines, mend_words


# Broken by: known words not looked at; capitals joined.
@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("an exam-\nple", "an example"),
        ("a well-\nknown and well-known hill", "a well-known and well-known hill"),
        ("the Anglo-\nSaxon hall", "the Anglo-Saxon hall"),
        ("Über-\nsetzung", "Übersetzung"),
        ("pages 3-\n4", "pages 3-\n4"),
        ("a dash -\nand more", "a dash -\nand more"),
    ],
)
def test_broken_words(text: str, mended: str) -> None:
    assert mend_words(text) == mended


def test_lines_join_with_a_space_but_not_in_chinese() -> None:
    assert join_lines(["one ", " two", "", "three"]) == "one two three"
    assert join_lines(["这是第一", "行。"]) == "这是第一行。"
    assert join_lines(["한국어", "문장"]) == "한국어 문장"


def test_ends_and_items() -> None:
    assert ends_sentence("So.") and ends_sentence("ऐसा।") and not ends_sentence("so,")
    assert begins_item("- one") and begins_item("12. one") and not begins_item("a one")
