"""Sentences of any script: paragraphs and lines first, then end marks, never inside a word."""

from __future__ import annotations

import re

from steep.corpus.abbreviations import is_inside

# An end mark, closing quotes or brackets, then space; full-width marks need no space.
# A run of marks is tried at its beginning alone, so that lines of dots take linear time.
_END = re.compile(r"(?:(?<![.!?…؟।॥۔])[.!?…؟।॥۔]++[\"'”’»)\]]*+(?=\s)|[。！？]+[」』”’）]*)")
_NEXT = re.compile(r"\s*(\S?)")
_LISTED = re.compile(r"[*#\s(\[]*(?:\d{1,3}(?:\.\d{1,3})*|[A-Za-z]|[IVX]+)")
BULLET = re.compile(r"^[-*\u2022\u2013]\s+")
"""The mark of a list's item before it."""


def split_sentences(text: str) -> list[str]:
    """Split a text into sentences, in order, none empty; joined they hold every word.

    Lines are boundaries only where a blank line, a list or a heading makes them one; a line
    break inside a paragraph of prose counts as a space.
    """
    return [s for block in paragraphs(text) for s in _split_block(block)]


def paragraphs(text: str) -> list[str]:
    """Blocks between blank lines, and single lines where the lines aren't wrapped prose."""
    blocks: list[str] = []
    for block in re.split(r"\n\s*\n", text):
        lines = [line.strip() for line in block.splitlines() if line.strip()]
        if _is_wrapped_prose(lines):
            blocks.append(" ".join(lines))
        else:
            blocks.extend(lines)
    return blocks


def _is_wrapped_prose(lines: list[str]) -> bool:
    """True if each line but the last runs on into the next: long, and no end mark on most."""
    if len(lines) < 2:
        return True
    marked = [BULLET.match(line) is not None for line in lines]
    if sum(marked) > 1 or (any(marked[1:]) and lines[0].endswith(":")):
        return False
    inner = lines[:-1]
    longest = max(len(line) for line in lines)
    full = sum(len(line) > 0.6 * longest for line in inner)
    running = sum(not re.search(r"[.!?:;。！？।]$", line) for line in inner)
    return longest > 50 and full >= 0.8 * len(inner) and running >= 0.5 * len(inner)


def _split_block(block: str) -> list[str]:
    sentences: list[str] = []
    start = 0
    for match in _END.finditer(block):
        end = match.end()
        if _is_inside(block, start, match.start(), end):
            continue
        sentence = block[start:end].strip()
        if sentence:
            sentences.append(sentence)
        start = end
    rest = block[start:].strip()
    if rest:
        sentences.append(rest)
    return sentences


def _is_inside(block: str, start: int, mark: int, end: int) -> bool:
    """True if this end mark doesn't end a sentence: a small letter follows, or it abbreviates, or
    all before it is a list's number ("2. Definitions").
    """
    following = _NEXT.match(block, end)
    if block[mark] == "." and following and following[1] and _LISTED.fullmatch(block, start, mark):
        return True
    if following is not None and following[1].islower():
        return True
    if block[mark] != "." or block[mark : mark + 2] == "..":
        return False
    return is_inside(block, mark, end)
