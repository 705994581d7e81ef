"""Learning and forgetting as they happened: what the light checks saw while it trained."""

from __future__ import annotations

from collections.abc import Sequence

from steep.proof.words import RATES, name_of
from steep.report.story import RunStory, stage_ends
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


def guard_plot(story: RunStory) -> Plot | None:
    """General loss over the base's at each look of the guard; None with fewer than two."""
    record = story.guard or {}
    looks = [look for look in record.get("looks") or [] if GENERAL_LOSS in look]
    if len(looks) < 2 or looks[0]["step"] != 0:
        return None
    steps = [look["step"] for look in looks]
    rises = [look[GENERAL_LOSS] - looks[0][GENERAL_LOSS] for look in looks]
    limit, backoffs = float(record["limit"]), record.get("backoffs") or []
    ceiling = 1.25 * max(limit, 4 * max((r for r in rises if r <= limit), default=0.0))
    with style():
        figure = new_figure(2.7)
        axes = figure.add_axes((0.13, 0.13, 0.82, 0.75))
        quiet(axes)
        axes.locator_params(axis="x", integer=True)
        shown = [min(rise, ceiling) for rise in rises]
        for backoff in backoffs:  # the line breaks where training went back
            axes.axvline(backoff["step"], color=EXTRA, linewidth=1, ls="--")
        for part in _stretches(steps, [b["step"] for b in backoffs]):
            xs, ys = [steps[i] for i in part], [shown[i] for i in part]
            axes.plot(xs, ys, color=TUNED, marker="o", ms=3.5, lw=1.5)
        axes.axhline(limit, color=EXTRA, linewidth=1, ls=":")
        axes.set(xlim=(0, steps[-1]), ylim=(min(0.0, 1.1 * min(rises)), 1.05 * ceiling))
        axes.set_title("general loss over the base's, nats per token", loc="left", color=TUNED)
        label = f"at most {max(rises):+.2f} nats per token at {len(looks) - 1} looks, limit "
        label += f"{limit:g}; training was taken back {len(backoffs)} times"
        svg = to_svg(figure, "guard", label)
    caption = "By step, on general texts of its own; beyond the dotted line training goes back."
    if backoffs:
        caption += " Dashed: it did, to the best point before. Higher values are drawn at the top."
    return Plot("What the guard saw", caption, svg)


def _stretches(steps: Sequence[int], breaks: Sequence[int]) -> list[list[int]]:
    """Places in ``steps``, in runs that end with a break."""
    found: list[list[int]] = [[]]
    for place, step in enumerate(steps):
        found[-1].append(place)
        if step in breaks:
            found.append([])
    return [part for part in found if part]


def check_names(story: RunStory) -> list[str]:
    """The measures taken while training: facts first, then text, then whatever else there is."""
    names = {name for check in story.checks for name in check.values}
    return sorted(names, key=lambda name: (_ORDER.index(name) if name in _ORDER else 9, name))


def check_label(name: str) -> str:
    """What a measure is called."""
    return _LABELS.get(name) or name_of(name)


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
        ends = stage_ends(story.steps)
        for end in ends:
            axes.axvline(end + 0.5, color=BASE, linewidth=1, ls=":")
        if ends:
            caption += " Dotted upright lines are where a stage ends."
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
