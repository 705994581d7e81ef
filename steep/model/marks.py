"""Keep combining marks with their letters when text is split, before it is cut into tokens.

GPT-2's pattern and those made from it take letters (``\\p{L}``) together and leave marks
(``\\p{M}``) alone. Where vowels are marks, as in Hindi or Bengali, every word is torn at each of
them, and no merge can reach across: such a language can't be given tokens of whole words before.
"""

from __future__ import annotations

import copy
import re
from typing import Any

_LETTERS, _WITH_MARKS = r"\p{L}", r"\p{L}\p{M}"

# What ByteLevel splits by if it is told to (the GPT-2 pattern, in tokenizers' own source).
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def with_marks(pattern: str) -> str:
    """A splitting pattern in which marks go wherever letters do.

    A pattern that speaks of marks already is left as it is.
    """
    if r"\p{M}" in pattern:
        return pattern
    out, in_class = [], False
    for part in re.findall(r"\\p\{[^}]*\}|\\.|.", pattern, flags=re.DOTALL):
        if part == _LETTERS:
            part = _WITH_MARKS if in_class else f"[{_WITH_MARKS}]"
        elif part in "[]":
            in_class = part == "["
        out.append(part)
    return "".join(out)


def joining_marks(pre_tokenizer: dict[str, Any]) -> dict[str, Any]:
    """The pre-tokenizer of a tokenizer.json, with marks joined to letters."""
    found = copy.deepcopy(pre_tokenizer)
    steps = found["pretokenizers"] if found["type"] == "Sequence" else [found]
    made: list[dict[str, Any]] = []
    for step in steps:
        if step["type"] == "Split" and "Regex" in step["pattern"]:
            step["pattern"]["Regex"] = with_marks(step["pattern"]["Regex"])
        elif step["type"] == "ByteLevel" and step["use_regex"] and not step["add_prefix_space"]:
            # With a prefix space, each piece that is split before it would get one.
            regex = {"Regex": with_marks(_GPT2)}
            made.append(
                {"type": "Split", "pattern": regex, "behavior": "Isolated", "invert": False}
            )
            step["use_regex"] = False
        made.append(step)
    return {"type": "Sequence", "pretokenizers": made}
