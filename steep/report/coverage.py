"""How often facts were met, and in how many wordings: two distributions from the ledger."""

from __future__ import annotations

from collections.abc import Sequence

from steep.report.story import RunStory
from steep.report.svg import BASE, TUNED, Plot, new_figure, quiet, style, to_svg

FEW = {"exposures": 20, "wordings": 3}
_TITLES = {"exposures": "times met while training", "wordings": "distinct wordings"}

Bin = tuple[int, int | None, int]
"""At least, at most (None: no end), and how many facts."""


def coverage_plots(story: RunStory) -> list[Plot]:
    """One plot of both distributions; none without facts."""
    facts = (story.ledger or {}).get("facts") or {}
    found = {name: _bins(facts.get(name)) for name in FEW}
    if not all(found.values()):
        return []
    with style():
        figure = new_figure(2.7)
        said = []
        for number, (name, bins) in enumerate(found.items()):
            axes = figure.add_axes((0.09 + 0.49 * number, 0.13, 0.4, 0.75))
            quiet(axes)
            places = range(len(bins))
            colours = [BASE if first < FEW[name] else TUNED for first, _, _ in bins]
            axes.bar(places, [count for _, _, count in bins], color=colours, width=0.8)
            axes.set_xticks(list(places), [_label(first, last) for first, last, _ in bins])
            axes.tick_params(axis="x", labelsize=7)
            axes.set_title(_TITLES[name], loc="left", color=TUNED)
            said += [f"{n:,} facts with {_label(first, last)} {name}" for first, last, n in bins]
        svg = to_svg(figure, "coverage", "; ".join(said))
    caption = "Facts found in the documents. Grey ones were met fewer than 20 times, or stand in "
    caption += "fewer than 3 wordings."
    return [Plot("How well facts are covered", caption, svg)]


def _bins(rows: Sequence[tuple[int, int | None, int]] | None) -> list[Bin]:
    """The bins from the first to the last that isn't empty."""
    bins = [(first, last, count) for first, last, count in rows or ()]
    filled = [number for number, (_, _, count) in enumerate(bins) if count]
    return bins[filled[0] : filled[-1] + 1] if filled else []


def _label(first: int, last: int | None) -> str:
    if last is None:
        return f"{first}+"
    return f"{first}" if first == last else f"{first}\u2013{last}"
