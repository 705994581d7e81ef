"""Long books as many documents, so that some can be held out, and the sentences of treebanks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from steep.documents.deduplicate import near_duplicate_groups
from steep.documents.record import Document

FEWEST_HEADS = 10
LEAST_CHARACTERS = 1_500
_HEAD = re.compile(r"^[ \t]*\d{1,4}[ \t]*$", re.MULTILINE)
_BLANK = re.compile(r"\n[ \t]*\n")


@dataclass(frozen=True)
class Sentence:
    """A sentence, its translation into English if there is one, and the text it is from."""

    text: str
    english: str
    document: str


def write_parts(corpus: Path, folder: Path) -> Path:
    """Write the text files of a corpus in parts, each a file; of near-copies only the first.

    A text is cut at lines that hold only a number (pages, chapters), else at blank lines, after
    1,500 characters at least.
    """
    if folder.is_dir():
        return folder
    parts = [
        Document(part, "", path.name, f"part {number}")
        for path in sorted(corpus.rglob("*.txt"))
        for number, part in enumerate(_cut(path.read_text(encoding="utf-8")), start=1)
    ]
    groups = near_duplicate_groups(parts)
    firsts = {group: number for number, group in reversed(list(enumerate(groups)))}
    folder.mkdir(parents=True)
    for number in sorted(firsts.values()):
        (folder / f"part-{number:05d}.txt").write_text(parts[number].text, encoding="utf-8")
    return folder


def _cut(text: str) -> Iterator[str]:
    mark = _HEAD if len(_HEAD.findall(text)) >= FEWEST_HEADS else _BLANK
    start = 0
    for found in mark.finditer(text):
        if found.start() - start >= LEAST_CHARACTERS:
            yield text[start : found.start()].strip()
            start = found.start()
    if text[start:].strip():
        yield text[start:].strip()


def read_sentences(path: Path) -> list[Sentence]:
    """The sentences of a CoNLL-U treebank, or the lines of any other file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    if path.suffix != ".conllu":
        return [Sentence(line.strip(), "", str(n)) for n, line in enumerate(lines) if line.strip()]
    found: list[Sentence] = []
    document, said = "", {"text": "", "text_en": ""}
    for line in [*lines, ""]:
        name, _, value = line.removeprefix("# ").partition(" = ")
        if name.startswith("newdoc"):
            document = value
        elif name in said:
            said[name] = value.strip()
        elif not line and said["text"]:
            found.append(Sentence(said["text"], said["text_en"], document))
            said = {"text": "", "text_en": ""}
    return found
