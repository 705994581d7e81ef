"""Signs that documents aren't clean prose, told without knowing their language."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

# A digit or sign between cased letters: "c0mpany", "fo|nded". Codes such as "J45.0" have no letter
# behind it, and scripts without case or spaces write digits between their letters.
_GARBLED = re.compile("a0+a")
_SIGNS = frozenset("#*!?%\\")

_LONGEST_WORD = 30  # longer ones are paths, hashes and lines of markup
_SHARED = 1 / 3  # of the documents, and three of them: a line in as many belongs to none
_FEWEST = 3


class _Shapes(dict[int, str]):
    """``str.translate``'s table: "a" for a cased letter, "0" for a digit or sign, else a dot."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        is_sign = character in _SIGNS or unicodedata.category(character)[0] == "S"
        is_letter = character.lower() != character.upper()
        self[code] = "0" if character.isdigit() or is_sign else "a" if is_letter else "."
        return self[code]


_SHAPES = _Shapes()


def garbled_amid(text: str) -> bool:
    """True if any word may have a digit or a sign amid its letters; quick to say no."""
    return _GARBLED.search(text.translate(_SHAPES)) is not None


def garbled_share(texts: Sequence[str]) -> float | None:
    """Share of words with a digit or a sign amid their letters; None without words.

    Clean prose, tables and codes have hardly any; badly recognised scans have many.
    """
    words = [word for text in texts for word in text.split() if len(word) <= _LONGEST_WORD]
    shapes = [word.translate(_SHAPES) for word in words if "://" not in word]
    shapes = [shape for shape in shapes if "a" in shape]
    if not shapes:
        return None
    return sum(_GARBLED.search(shape) is not None for shape in shapes) / len(shapes)


def repeated_share(texts: Sequence[str]) -> float | None:
    """Share of characters in lines that stand word for word in a third of the documents or more.

    None for fewer documents than tell anything.
    """
    if len(texts) < 2 * _FEWEST:
        return None
    lines = [[line.strip() for line in text.splitlines() if line.strip()] for text in texts]
    owners = Counter(line for found in lines for line in set(found))
    shared = {line for line, count in owners.items() if count >= max(_FEWEST, _SHARED * len(texts))}
    total = sum(len(line) for found in lines for line in found)
    return sum(len(line) for found in lines for line in found if line in shared) / max(1, total)
