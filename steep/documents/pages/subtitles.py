"""Subtitles (SubRip, WebVTT): what was said, without counters and time codes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from steep.documents.cleaning.wrapped import join_lines
from steep.documents.formats import Fault, Piece

_TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_CUE = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?")
_TAGS = re.compile(r"</?(?:[a-zA-Z](?:[.\s][^<>]*)?|ruby|rt|lang|font[^<>]*|[\d:.]+)>|\{\\[^{}]*\}")
_PAUSE_SECONDS = 3.0
"""So long a silence parts paragraphs."""


def read_subtitles(text: str) -> Iterator[Piece | Fault]:
    """Yield the one document of a file of subtitles: a paragraph up to each longer pause.

    A line that rolls on from the cue before is said once.
    """
    paragraphs: list[list[str]] = []
    ended = 0.0
    blocks = re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").replace("\r", "\n"))
    for block in blocks:
        lines = block.strip("\n").split("\n")
        at = next((n for n, line in enumerate(lines) if _CUE.fullmatch(line)), None)
        cue = None if at is None else _CUE.fullmatch(lines[at])
        if at is None or cue is None:  # a header, a note, a style
            continue
        begun = _seconds(cue.groups()[:4])
        if not paragraphs or begun - ended >= _PAUSE_SECONDS:
            paragraphs.append([])
        ended = _seconds(cue.groups()[4:])
        for line in (_TAGS.sub("", line).strip() for line in lines[at + 1 :]):
            if line and line not in paragraphs[-1][-2:]:
                paragraphs[-1].append(line)
    said = (_said(lines) for lines in paragraphs)
    yield Piece("\n\n".join(filter(None, said)))


def _said(lines: list[str]) -> str:
    """Lines as one, but for those that a dash gives to another speaker."""
    turns: list[list[str]] = []
    for line in lines:
        if not turns or line.startswith(("-", "–", ">>")):
            turns.append([])
        turns[-1].append(line)
    return "\n".join(map(join_lines, turns))


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, rest = (int(part or 0) for part in parts)
    return hours * 3600 + minutes * 60 + seconds + rest / 1000
