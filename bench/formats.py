"""How much of a document survives its format: the same document as text and in other formats.

Prints for each file what share of the text's words it gives in the text's order, and what share of
its own words they are. Words are runs of letters: numbers that a format gives paragraphs or pages
are no part of what a document says.

    python bench/formats.py manual.txt manual.odt manual.epub manual.pdf
"""

from __future__ import annotations

import argparse
import re
from difflib import SequenceMatcher
from pathlib import Path

from steep.documents.read import collect


def main() -> None:
    """Print a line for each file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    given = parser.parse_args()
    expected = words_of(given.text)
    for path in given.files:
        found = words_of(path)
        blocks = SequenceMatcher(None, expected, found, autojunk=False).get_matching_blocks()
        same = sum(block.size for block in blocks)
        print(
            f"{path.name}: {same:,} of {len(expected):,} words in order, "
            f"{same / len(expected):.1%}; {same / max(1, len(found)):.1%} of its own {len(found):,}"
        )


def words_of(path: Path) -> list[str]:
    """The words of a file's documents, in order."""
    documents = collect(path, redact="nothing", repeated_lines="keep").documents
    text = "\n".join(document.text for document in documents)
    return re.findall(r"[^\W\d_]+", text.casefold())


if __name__ == "__main__":
    main()
