"""Pages that are pictures of text: read by RapidOCR (``steep[ocr]``), whose models come with it.

They know the Latin alphabet, Chinese and Japanese. Nothing is fetched, and nothing told to anybody:
ONNX Runtime's telemetry is switched off before a model is loaded.
"""

from __future__ import annotations

import functools
import importlib
from statistics import median
from typing import Any

from steep.documents.office.layout import Line, in_reading_order

FLAG = "ocr"
"""Sign of a document of which pages were read in this way."""
MOST_PAGES = 2000
"""Pages of one file that are read in this way, some ten seconds each."""
_DOTS_PER_POINT = 200 / 72
_LONGEST_DOTS = 3000
"""A page may say that it is a kilometre long."""
_ONE_HEIGHT = 0.3
"""Boxes follow their letters: heights that differ by less are the same size of type."""


@functools.cache
def load_engine() -> Any:
    """What reads pictures, or None if ``steep[ocr]`` isn't installed."""
    try:
        runtime: Any = importlib.import_module("onnxruntime")
        rapidocr: Any = importlib.import_module("rapidocr")
    except ImportError:
        return None
    runtime.disable_telemetry_events()
    threads = "EngineConfig.onnxruntime.intra_op_num_threads"
    # Its classifier of lines that stand on their heads turns lines that don't, and spoils them.
    options = {"Global.log_level": "critical", "Global.use_cls": False, threads: 1}
    return rapidocr.RapidOCR(params=options)


def read_picture(page: Any, engine: Any) -> list[Line]:
    """The lines of a page of PDFium's without a text layer, in reading order.

    A page without anything on it isn't looked at.
    """
    if next(iter(page.get_objects(max_depth=1)), None) is None:
        return []
    width, height = page.get_size()
    scale = min(_DOTS_PER_POINT, _LONGEST_DOTS / max(width, height))
    found = engine(page.render(scale=scale, may_draw_forms=False).to_numpy())
    lines = []
    for corners, text in zip(
        () if found.boxes is None else found.boxes, found.txts or (), strict=True
    ):
        across, down = ([float(corner[axis]) / scale for corner in corners] for axis in (0, 1))
        said = " ".join(text.split())
        if said:
            lines.append(
                Line(said, min(across), height - max(down), max(across), height - min(down))
            )
    return in_reading_order(_evened(lines))


def _evened(lines: list[Line]) -> list[Line]:
    """Lines about as high as most are made exactly as high, around their middles."""
    if not lines:
        return lines
    usual = median(line.top - line.bottom for line in lines)
    return [
        line._replace(bottom=middle - usual / 2, top=middle + usual / 2)
        if abs(line.top - line.bottom - usual) < _ONE_HEIGHT * usual
        else line
        for line in lines
        for middle in [(line.top + line.bottom) / 2]
    ]
