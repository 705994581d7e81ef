"""Learning and forgetting as they happened: what the light checks saw while it trained."""

from __future__ import annotations

from collections.abc import Sequence

from steep.proof.words import NAMES, RATES
from steep.report.story import RunStory
from steep.report.svg import BASE, EXTRA, TUNED, Plot, new_figure, quiet, style, to_svg

GENERAL_LOSS = "general_loss"
_LABELS = {GENERAL_LOSS: "general text, nats per token"}
_SAMPLES = {
    "fact_accuracy": "a few of your questions, choices ranked; higher is better",
    "probe_accuracy": "a few automatic questions, choices ranked; higher is better",
    "domain_bits_per_byte": "the beginnings of a few held-out documents; lower is better",
    GENERAL_LOSS: "a few general texts that neither train nor judge; lower is better",
}
_TITLES = {
    "fact_accuracy": "Facts, while training",
    "probe_accuracy": "Facts, while training",
    "domain_bits_per_byte": "Your documents, while training",
    GENERAL_LOSS: "General text, while training",
}
_ORDER = [*_SAMPLES]
MAX_CURVES = 8

Points = Sequence[tuple[int, float]]


def check_plots(story: RunStory) -> list[Plot]:
    """One curve for each measure that was taken at least twice."""
    found: list[Plot] = []
    for name in check_names(story):
        points = [(c.step, c.values[name]) for c in story.checks if name in c.values]
        if len(points) > 1 and len(found) < MAX_CURVES:
            found.append(_curve(story, name, points, f"check{chr(97 + len(found))}"))
    return found


def check_names(story: RunStory) -> list[str]:
    """The measures taken while training: facts first, then text, then whatever else there is."""
    names = {name for check in story.checks for name in check.values}
    return sorted(names, key=lambda name: (_ORDER.index(name) if name in _ORDER else 9, name))


def check_label(name: str) -> str:
    """What a measure is called."""
    return _LABELS.get(name) or NAMES.get(name, name.replace("_", " "))


def check_value(name: str, value: float) -> str:
    """A measure's value as it is printed."""
    return f"{100 * value:.0f}%" if name in RATES else f"{value:.3f}"


def _curve(story: RunStory, name: str, points: Points, key: str) -> Plot:
    steps, values = zip(*points, strict=True)
    base = values[0] if steps[0] == 0 else None
    budget = story.evaluation.get("forgetting_budget") if name == GENERAL_LOSS else None
    caption = f"By step, on {_SAMPLES.get(name, 'a small sample')}."
    with style():
        figure = new_figure(2.7)
        axes = figure.add_axes((0.13, 0.13, 0.82, 0.75))
        quiet(axes)
        axes.locator_params(axis="x", integer=True)
        if base is not None:
            axes.axhline(base, color=BASE, linewidth=1, ls="--")
            caption += " The dashed line is the base model."
        if base is not None and isinstance(budget, int | float):
            axes.axhline(base + budget, color=EXTRA, linewidth=1, ls=":")
            caption += " The dotted one is as much worse as the forgetting budget allows."
            if story.strength is not None:
                caption += " How much of the change is kept was chosen after this."
        axes.plot(steps, values, color=TUNED, marker="o", ms=3.5, lw=1.5, clip_on=False)
        if name in RATES:
            axes.set_ylim(-0.02, 1.02)
            axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}%")
        axes.set_xlim(steps[0], steps[-1])
        axes.set_title(check_label(name), loc="left", color=TUNED)
        label = f"{check_label(name)} from {check_value(name, values[0])} at step {steps[0]:,} to "
        label += f"{check_value(name, values[-1])} at step {steps[-1]:,}"
        svg = to_svg(figure, key, label)
    return Plot(_TITLES.get(name, "While training"), caption, svg)
