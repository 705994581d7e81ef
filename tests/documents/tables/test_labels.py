import pytest

from steep.documents.tables.labels import is_label


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", "17"),
        ("image", "https://example.org/a.png"),
        ("site", "www.example.org"),
        ("etag", "9f86d081884c7d659a2feaa0c55ad015"),
        ("record", "urn:uuid:123e4567-e89b-12d3-a456-426614174000"),
        ("seen", "2026-03-02 10:00:00"),
        ("updated_at", "3 days ago"),
        ("dateModified", "12/03/2024"),
        ("crawled", "1714550400"),
    ],
)
def test_labels(name: str, value: str) -> None:
    assert is_label(name, value)


# Broken by: is_label without its name (a price is a number); words of one piece ("paid"); ids of
# several words; steps by any word of a name, or with any value.
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("price", "17"),
        ("paid", "17"),
        ("note", "see https://example.org"),
        ("word", "effaced-defaced-facade"),
        ("born", "2026-03-02"),
        ("id", "P-17"),
        ("patient_id", "1002"),
        ("customerId", "17"),
        ("modified release", "since 2024"),
        ("imported", "no"),
        ("updated_by", "Ada 2.0"),
        ("", "17"),
    ],
)
def test_matter(name: str, value: str) -> None:
    assert not is_label(name, value)


def test_loosely_codes_and_days_are_labels_too() -> None:
    assert is_label("id", "P-17", loosely=True) and is_label("on", "2026-03-02", loosely=True)
    assert is_label("patient_id", "1002", loosely=True)
    assert not is_label("id", "the old pump", loosely=True)
    assert not is_label("part", "P-17", loosely=True)
