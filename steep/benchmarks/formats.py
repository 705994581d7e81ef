"""Local files of the known benchmarks, turned into the rows that lm-eval's own tasks expect.

Each format is read as its authors publish it, and as the common one-object-a-line exports of it.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steep.benchmarks.names import Benchmark
from steep.errors import UserInputError

Row = dict[str, Any]
_SUFFIXES = (".jsonl", ".jsonl.gz", ".json")
_LETTERS = "ABCD"
_EXAMPLES = 5
FEWEST_CLUSTERS = 8
"""Of fewer than six subjects or documents no change could be shown, and of seven hardly one."""
_TELLING_LINES = 30
_CHOICES = frozenset(("choices", "endings", "ending0", "sol1"))


@dataclass(frozen=True)
class Items:
    """A benchmark's local data.

    Attributes:
        rows: what is asked, as lm-eval's task expects it.
        examples: what stands solved in front of each, for tasks that want that.
        clusters: for each row what it shares with others: a subject, a document.
    """

    rows: list[Row]
    examples: list[Row]
    clusters: list[str]


@dataclass(frozen=True)
class _Line:
    """One object of a file, with its place for error messages."""

    place: str
    value: Mapping[str, Any]

    def get(self, *names: str) -> Any:
        """The first of these fields that is there."""
        for name in names:
            if name in self.value:
                return self.value[name]
        raise UserInputError(
            f"{self.place}: there is no '{names[0]}' "
            f"(found: {', '.join(map(str, list(self.value)[:8]))}); see docs/BENCHMARKS.md"
        )

    def text(self, *names: str) -> str:
        """As ``get``, for text."""
        found = self.get(*names)
        if not isinstance(found, str) or not found.strip():
            raise UserInputError(f"{self.place}: '{names[0]}' is {found!r:.60}; it must be text")
        return found

    def said(self, *names: str) -> str:
        """As ``text``, or a number in digits."""
        found = self.get(*names)
        is_number = isinstance(found, int | float) and not isinstance(found, bool)
        return str(found) if is_number else self.text(*names)

    def texts(self, *names: str, count: int | None = None) -> list[str]:
        """As ``get``, for a list of texts."""
        found = self.get(*names)
        right = isinstance(found, list) and all(isinstance(item, str) for item in found)
        if not right or not found or (count is not None and len(found) != count):
            wanted = "texts" if count is None else f"{count} texts"
            raise UserInputError(
                f"{self.place}: '{names[0]}' is {found!r:.60}; it must be a list of {wanted}"
            )
        return list(found)

    def choice(self, *names: str, count: int) -> int:
        """As ``get``, for the right choice: its letter, or its number from 0."""
        found = self.get(*names)
        if isinstance(found, str) and found.strip().upper() in tuple(_LETTERS[:count]):
            return _LETTERS.index(found.strip().upper())
        number = int(found) if isinstance(found, str) and found.strip().isdigit() else found
        if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < count:
            return number
        raise UserInputError(
            f"{self.place}: '{names[0]}' is {found!r:.60}; it must be the right choice, "
            f"0 to {count - 1}"
        )


def read_items(benchmark: Benchmark) -> Items:
    """Read a benchmark's local data.

    Raises:
        UserInputError: a file can't be read, or a line isn't what the format says.
    """
    assert benchmark.path is not None
    found = _READERS[benchmark.name](benchmark.path)
    if not found.rows:
        raise UserInputError(f"{benchmark.path}: there are no items to ask; give a file with some")
    if _counts_from_one(found.rows):
        raise UserInputError(
            f"{benchmark.path}: the first choice is never the right one; right choices are counted "
            "from 0 (or A)"
        )
    if len(set(found.clusters)) < FEWEST_CLUSTERS:  # then its items are what differs
        return Items(found.rows, found.examples, [str(n) for n in range(len(found.rows))])
    return found


def _counts_from_one(rows: Sequence[Row]) -> bool:
    """True if there are many items with choices, and never is the first one right."""
    ranked = [row for row in rows if not _CHOICES.isdisjoint(row)]
    right = [int(row["answer" if "answer" in row else "label"]) for row in ranked]
    return len(right) >= _TELLING_LINES and 0 not in right


def _each(make: Callable[[_Line], Row], cluster: str | None = None) -> Callable[[Path], Items]:
    """A reader of files with one item a line; ``cluster`` names the field items share."""

    def read(path: Path) -> Items:
        rows = [make(line) for line in _lines(path)]
        names = [str(r.get(cluster) or n) if cluster else str(n) for n, r in enumerate(rows)]
        return Items(rows, [], names)

    return read


def _lines(path: Path) -> Iterator[_Line]:
    """The objects of a file, or of each file in a folder."""
    if path.is_dir():
        files = [f for f in sorted(path.iterdir()) if f.name.endswith(_SUFFIXES)]
        if not files:
            raise UserInputError(f"{path}: the folder has no {', '.join(_SUFFIXES)} file")
    else:
        files = [path]
    for file in files:
        yield from _lines_of(file)


def _lines_of(path: Path) -> Iterator[_Line]:
    text = _text(path)
    try:
        whole = json.loads(text) if path.name.endswith(".json") else None
    except ValueError:
        whole = None  # one object a line under that name
    if isinstance(whole, dict) and all(isinstance(value, dict) for value in whole.values()):
        for key, value in whole.items():
            yield _Line(f"{path}, item {key}", {"id": key, **value})
        return
    if isinstance(whole, list):
        for number, value in enumerate(whole, start=1):
            yield _line(f"{path}, item {number}", value)
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            raise UserInputError(f"{path}, line {number}: not valid JSON ({error})") from None
        found = _line(f"{path}, line {number}", value)
        if not _is_header(found.value):
            yield found


def _is_header(value: Mapping[str, Any]) -> bool:
    """A table's header that became an item when tables were put together: it names its fields."""
    return bool(2 * sum(key == item for key, item in value.items()) > len(value))


def _line(place: str, value: Any) -> _Line:
    if not isinstance(value, dict):
        raise UserInputError(f"{place}: found {value!r:.40}; each item must be a JSON object")
    return _Line(place, value)


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
        return (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise UserInputError(f"{path} can't be read: {error}; give a UTF-8 text file") from None


def _mmlu(line: _Line) -> Row:
    if "choices" in line.value:
        choices = line.texts("choices", count=4)
    else:
        choices = [line.said(f"answer_{letter.lower()}", letter) for letter in _LETTERS]
    subject = str(line.value.get("subject", line.value.get("topic", "")))
    return {
        "question": line.text("question"),
        "choices": choices,
        "answer": line.choice("answer", "correct_answer", count=4),
        "subject": subject.replace("_", " ").strip(),
    }


def _lambada(line: _Line) -> Row:
    text = line.text("text")
    if len(text.split(" ")) < 2:
        raise UserInputError(f"{line.place}: 'text' is {text!r:.40}; it needs two words or more")
    return {"text": text}


def _hellaswag(line: _Line) -> Row:
    """Published rows have the context in two parts and a label; short exports have it whole."""
    endings = line.texts("endings", count=4)
    label = line.choice("label", count=4)
    if "ctx_a" in line.value:
        kept = {name: str(line.value.get(name) or "") for name in ("activity_label", "source_id")}
        parts = {name: str(line.value.get(name) or "") for name in ("ctx_a", "ctx_b")}
        return {**kept, **parts, "endings": endings, "label": str(label), "whole": ""}
    return {
        "activity_label": "", "source_id": str(line.value.get("source_id") or ""),
        "ctx_a": "", "ctx_b": "", "endings": endings, "label": str(label),
        "whole": line.text("ctx"),
    }  # fmt: skip


def _piqa(path: Path) -> Items:
    """One object a line; labels in it, or a number a line in ``<name>-labels.lst`` beside it."""
    file = path / "valid.jsonl" if path.is_dir() else path
    lines = list(_lines_of(file))
    beside = file.with_name(f"{file.name.split('.')[0]}-labels.lst")
    if lines and "label" not in lines[0].value:
        if not beside.is_file():
            raise UserInputError(f"{lines[0].place}: there is no 'label', and no {beside} either")
        labels = _text(beside).split()
        if len(labels) != len(lines):
            raise UserInputError(f"{beside} has {len(labels)} labels for {len(lines)} items")
        lines = [
            _Line(f"{beside}, line {number}", {**line.value, "label": label})
            for number, (line, label) in enumerate(zip(lines, labels, strict=True), start=1)
        ]
    rows: list[Row] = [
        {
            "goal": line.text("goal"),
            "sol1": line.text("sol1"),
            "sol2": line.text("sol2"),
            "label": line.choice("label", count=2),
        }
        for line in lines
    ]
    return Items(rows, [], [str(n) for n in range(len(rows))])


def _with_examples(make: Callable[[_Line], Row]) -> Callable[[Path], Items]:
    """Items that are asked behind solved examples.

    These come from ``train.jsonl`` beside the file; else the first five items serve, and aren't
    asked themselves.
    """

    def read(path: Path) -> Items:
        folder = path if path.is_dir() else path.parent
        train = folder / "train.jsonl"
        rows = [make(line) for line in _lines(path / "test.jsonl" if path.is_dir() else path)]
        if train.is_file() and train != path:
            examples = [make(line) for line in _lines_of(train)]
        else:
            examples, rows = rows[:_EXAMPLES], rows[_EXAMPLES:]
        return Items(rows, examples, [str(n) for n in range(len(rows))])

    return read


def _gsm8k(line: _Line) -> Row:
    return {"question": line.text("question"), "answer": line.text("answer")}


def _legalbench(line: _Line) -> Row:
    """Any LegalBench task: its prompt (the published base prompt, filled in) and the answer."""
    return {
        "task": str(line.value.get("task", "")),
        "prompt": line.text("prompt"),
        "answer": line.said("answer").strip(),
    }


def _humaneval(line: _Line) -> Row:
    names = ("task_id", "prompt", "entry_point", "test")
    return {name: line.text(name) for name in names}


def _multipl_e(line: _Line) -> Row:
    stops = line.texts("stop_tokens")
    kept = {name: line.text(name) for name in ("name", "language", "prompt", "tests")}
    return {**kept, "stop_tokens": stops, "problem": "_".join(kept["name"].split("_")[:2])}


def _blimp(line: _Line) -> Row:
    return {
        "sentence_good": line.text("sentence_good"),
        "sentence_bad": line.text("sentence_bad"),
        "UID": str(line.value.get("UID", "")),
    }


def _medqa(line: _Line) -> Row:
    """The published questions, or their form with four endings and a label."""
    if "sent1" in line.value:
        endings = [line.text(f"ending{n}") for n in range(4)]
        return _endings(line.text("sent1"), endings, line.choice("label", count=4))
    options = line.get("options")
    if not isinstance(options, dict) or sorted(options) != list(_LETTERS):
        raise UserInputError(f"{line.place}: 'options' must have the keys A, B, C and D")
    endings = [str(options[letter]) for letter in _LETTERS]
    return _endings(line.text("question"), endings, line.choice("answer_idx", count=4))


def _endings(question: str, endings: Sequence[str], label: int) -> Row:
    return {"sent1": question, **{f"ending{n}": e for n, e in enumerate(endings)}, "label": label}


def _pubmedqa(path: Path) -> Items:
    """The labelled set; only the official test items if their list lies beside it."""
    file = path / "ori_pqal.json" if path.is_dir() else path
    chosen = file.with_name("test_ground_truth.json")
    lines = list(_lines_of(file))
    if chosen.is_file() and chosen != file:
        try:
            official = set(json.loads(_text(chosen)))
        except ValueError as error:
            raise UserInputError(f"{chosen}: not valid JSON ({error})") from None
        lines = [line for line in lines if str(line.value.get("id")) in official]
    rows: list[Row] = []
    for number, line in enumerate(lines):
        decision = line.text("final_decision", "answer")
        if decision not in ("yes", "no", "maybe"):
            raise UserInputError(
                f"{line.place}: 'final_decision' is {decision!r:.40}; it must be yes, no or maybe"
            )
        rows.append(
            {
                "id": str(line.value.get("id", number)),
                "QUESTION": line.text("QUESTION", "question"),
                "CONTEXTS": line.texts("CONTEXTS", "contexts"),
                "final_decision": decision,
            }
        )
    return Items(rows, [], [row["id"] for row in rows])


_READERS: dict[str, Callable[[Path], Items]] = {
    "blimp": _each(_blimp, "UID"),
    "gsm8k": _with_examples(_gsm8k),
    "hellaswag": _each(_hellaswag, "source_id"),
    "humaneval": _each(_humaneval),
    "lambada": _each(_lambada),
    "legalbench": _each(_legalbench, "task"),
    "medqa": _each(_medqa),
    "mmlu": _each(_mmlu, "subject"),
    "multipl-e": _each(_multipl_e, "problem"),
    "piqa": _piqa,
    "pubmedqa": _pubmedqa,
}
