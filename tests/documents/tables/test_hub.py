import sys
from types import SimpleNamespace
from typing import Any

import pytest

from steep.documents.read import collect
from steep.documents.tables.hub import read_hub
from steep.errors import DocumentError


@pytest.fixture
def datasets(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    calls: list[Any] = []

    def load_dataset(*args: Any, **options: Any) -> list[dict[str, Any]]:
        calls.append((args, options))
        return [{"title": "A", "text": "one", "note": "n"}, {"title": "B", "text": "two"}]

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    return calls


def test_rows_are_streamed(datasets: list[Any]) -> None:
    documents = collect("hf://owner/name?split=test&config=en&field=text").documents
    assert [(d.text, d.title, d.source, d.locator) for d in documents] == [
        ("one", "A", "hf://owner/name", "row 1"),
        ("two", "B", "hf://owner/name", "row 2"),
    ]
    assert datasets == [(("owner/name", "en"), {"split": "test", "streaming": True})]


# Broken by: reading all there are; a row more than asked for.
def test_so_many_rows_are_read_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def rows() -> Any:
        yield {"text": "one"}
        yield {"text": "two"}
        raise AssertionError("a third row was asked for")

    hub = SimpleNamespace(load_dataset=lambda *_, **__: rows())
    monkeypatch.setitem(sys.modules, "datasets", hub)
    assert [piece.text for piece in read_hub("hf://a/b?rows=2")] == ["one", "two"]


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DocumentError, match="needs the datasets package; run pip install"):
        collect("hf://owner/name")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hf://", "is not hf://"),
        ("hf://a/b/c", "is not hf://"),
        ("hf://a/b?splt=x", "unknown option 'splt'"),
        ("hf://a/b?rows=0", "rows is '0'; give how many"),
        ("hf://a/b?rows=many", "rows is 'many'; give how many"),
        ("hf://a/b?field=note", "has no field 'note'; it has title, text"),
    ],
)
@pytest.mark.usefixtures("datasets")
def test_malformed_names(name: str, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        list(read_hub(name))


def test_what_the_hub_says_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_dataset(*_: Any, **__: Any) -> None:
        raise ConnectionError("no\nroute")

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    with pytest.raises(DocumentError, match="can't be read: no route; check"):
        list(read_hub("hf://a/b"))
