"""A matplotlib figure as inline SVG: themed by the page's CSS, deterministic, no outside names."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.typing import RcKeyType

WIDTH_INCHES = 4.5

# Colours that mean something to the page: each becomes a CSS variable of the same name, so the
# plots follow light, dark and print. The values only have to be distinct.
INK = "#010203"
SOFT = "#010204"
LINE = "#010205"
BASE = "#010206"
TUNED = "#010207"
EXTRA = "#010208"
CARD = "#010209"
_VARIABLES = {
    INK: "var(--ink)",
    SOFT: "var(--soft)",
    LINE: "var(--line)",
    BASE: "var(--base)",
    TUNED: "var(--tuned)",
    EXTRA: "var(--extra)",
    CARD: "var(--card)",
}
_SETTINGS: dict[RcKeyType, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "steep",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.facecolor": "none",
    "axes.edgecolor": LINE,
    "axes.titlesize": 10,
    "axes.labelcolor": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.major.pad": 6,
    "ytick.major.pad": 5,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "legend.frameon": False,
    "path.simplify": False,
}


@dataclass(frozen=True)
class Plot:
    """A figure of the page; ``svg`` is trusted markup made here."""

    title: str
    caption: str
    svg: str


@contextmanager
def style() -> Iterator[None]:
    """matplotlib's settings for all plots, put back afterwards."""
    from matplotlib import rc_context

    with rc_context(_SETTINGS):
        yield


def new_figure(height: float) -> Figure:
    """An empty figure, ``height`` inches high, outside pyplot's global state."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, height), facecolor="none")
    FigureCanvasSVG(figure)
    return figure


def quiet(axes: Axes) -> None:
    """Thin horizontal lines, no ticks: the data is what is dark."""
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.tick_params(length=0)


def to_svg(figure: Figure, name: str, label: str) -> str:
    """The figure as an ``<svg>`` element to put into a page. Call within ``style()``.

    Args:
        name: unique on the page, [a-z]+; the prefix of every id.
        label: what the figure shows, for those who can't see it.
    """
    stream = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # the reader's fonts draw the text
        figure.savefig(stream, format="svg", metadata=nothing)
    root = ElementTree.fromstring(stream.getvalue())
    _without_namespaces(root)
    _drop(root, {"metadata", "style"})
    _rename_ids(root, name)
    for element in root.iter():
        if "style" in element.attrib:
            element.attrib["style"] = _themed(element.attrib["style"])
    view = root.attrib["viewBox"]
    root.attrib.clear()
    root.attrib.update({"viewBox": view, "role": "img", "aria-label": label})
    return re.sub(r"\s*\n\s*", "\n", ElementTree.tostring(root, encoding="unicode")).strip()


def _without_namespaces(root: ElementTree.Element) -> None:
    """In a page, ``<svg>`` needs no namespaces."""
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {k.rpartition("}")[2]: v for k, v in element.attrib.items()}


def _drop(root: ElementTree.Element, tags: set[str]) -> None:
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag in tags]:
            parent.remove(child)


def _rename_ids(root: ElementTree.Element, name: str) -> None:
    """Keep only ids that something refers to, unique on the page."""
    values = [v for e in root.iter() for k, v in e.attrib.items() if k != "id"]
    used = {i for v in values for i in re.findall(r"url\(#([\w-]+)\)|^#([\w-]+)$", v) for i in i}
    for element in root.iter():
        found = element.attrib.pop("id", None)
        for key, value in element.attrib.items():
            fresh = re.sub(r"^#(?=[\w-]+$)", f"#{name}-", value)
            element.attrib[key] = fresh.replace("url(#", f"url(#{name}-")
        if found in used:
            element.attrib["id"] = f"{name}-{found}"


def _themed(css: str) -> str:
    for value, variable in _VARIABLES.items():
        css = css.replace(value, variable)
    return re.sub(r"font: (?:(\d+) )?([\d.]+)px [^;]+", _font, css)


def _font(match: re.Match[str]) -> str:
    weight = f"font-weight: {match[1]}; " if match[1] else ""
    return f"{weight}font-size: {match[2]}px; font-family: inherit"
