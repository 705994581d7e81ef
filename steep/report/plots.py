"""The report's plots, each an inline SVG with a title, a caption and a text alternative."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steep.proof.rules import FEWEST_TEXTS
from steep.proof.words import NAMES
from steep.report.coverage import coverage_plots
from steep.report.curves import check_plots, guard_plot
from steep.report.story import RunStory, Step, stage_ends
from steep.report.svg import (
    BASE,
    CARD,
    EXTRA,
    INK,
    LINE,
    SOFT,
    TUNED,
    Plot,
    new_figure,
    quiet,
    style,
    to_svg,
)

MAX_POINTS = 240
ACCURACIES = (
    "fact_accuracy",
    "fact_exact",
    "fact_accuracy_as_in_text",
    "fact_accuracy_reversed",
    "probe_accuracy",
    "probe_exact",
    "probe_accuracy_as_in_text",
    "probe_accuracy_reversed",
    "control_accuracy",
    "control_exact",
    "general_fact_accuracy",
    "grammar_accuracy",
)
CHANCE_OF = "fact_accuracy"
"""What ``chance`` is of: other questions, and other forms, may have other numbers of choices."""
PERPLEXITIES = ("domain_perplexity", "general_perplexity")


def outcome_plots(story: RunStory) -> list[Plot]:
    """Base against tuned: accuracies, then perplexities."""
    measures = {row["name"]: row for row in story.evaluation["measures"] if row["n"]}
    found: list[Plot] = []
    rows = [measures[name] for name in ACCURACIES if name in measures]
    if rows:
        chance = story.evaluation.get("chance")
        caption = "Share of questions answered right; longer is better. The thin line spans the "
        caption += "95% interval of the change."
        if chance is not None and any(row["name"] == CHANCE_OF for row in rows):
            caption += f" The dashed line is chance on your facts, {100 * chance:.0f}%."
        svg = _bars(rows, "accuracies", rate=True, chance=chance)
        found.append(Plot("Questions answered right", caption, svg))
    rows = [measures[name] for name in PERPLEXITIES if name in measures]
    if rows:
        caption = "How surprised the model is by text it wasn't trained on; shorter is better. "
        caption += "Perplexity on your documents proves no knowledge of their facts. "
        caption += f"An interval is drawn from {FEWEST_TEXTS} texts on: of fewer it says little."
        svg = _bars(rows, "perplexities", rate=False, chance=None)
        found.append(Plot("Perplexity", caption, svg))
    return found


def training_plots(story: RunStory) -> list[Plot]:
    """Loss with rate, speed, strength, checks while training and coverage, as far as recorded."""
    found: list[Plot] = []
    if len(story.steps) > 1:
        found += [_loss_plot(story.steps), _speed_plot(story.steps)]
    points = (story.strength or {}).get("points") or []
    if points:
        found.append(_strength_plot(story.strength or {}, points))
    guard = guard_plot(story)
    return [*found, *([guard] if guard else []), *check_plots(story), *coverage_plots(story)]


def _bars(rows: Sequence[Mapping[str, Any]], name: str, *, rate: bool, chance: float | None) -> str:
    """Per measure a label, a bar for base and one for tuned, and the interval of the change."""
    said = [
        f"{NAMES[row['name']]}: base {_number(row['base'], rate)}, "
        f"tuned {_number(row['tuned'], rate)}"
        for row in rows
    ]
    ends = [row[key] for row in rows for key in ("base", "tuned")]
    drawn = [row["ci95"] and (rate or row["n"] >= FEWEST_TEXTS) for row in rows]
    ends += [r["base"] + r["ci95"][1] for r, shown in zip(rows, drawn, strict=True) if shown]
    most = max(row[key] for row in rows for key in ("base", "tuned"))
    limit = 1.0 if rate else 1.02 * min(max(ends), 2 * most)  # of few texts intervals are huge
    with style():
        height = 0.6 * len(rows) + 0.12
        figure = new_figure(height)
        axes = figure.add_axes((0.005, 0.0, 0.86, 1.0))
        axes.set(xlim=(0, limit), ylim=(len(rows) - 0.08, -0.06))
        axes.axis("off")
        axes.plot([0, 0], [0, len(rows) - 0.1], color=LINE, linewidth=0.8)
        for top, row in enumerate(rows):
            axes.text(0, top + 0.2, _label(row["name"]), color=SOFT)
            for offset, key, colour in ((0.42, "base", BASE), (0.68, "tuned", TUNED)):
                axes.barh(top + offset, row[key], height=0.22, color=colour)
                text = _number(row[key], rate)
                interval = row["ci95"] if key == "tuned" and drawn[top] else None
                end = min(limit, max(row[key], row["base"] + interval[1] if interval else 0))
                at = (end + 0.015 * limit, top + offset)
                bold = "bold" if key == "tuned" else "normal"
                axes.text(*at, text, va="center", fontweight=bold, clip_on=False)
            if drawn[top]:
                low, high = (min(limit, max(0.0, row["base"] + end)) for end in row["ci95"])
                y, cap = top + 0.68, 0.06
                x = [low, low, low, high, high, high]
                ticks = [y - cap, y + cap, y, y, y - cap, y + cap]
                for colour, width in ((CARD, 3.2), (INK, 1.2)):
                    axes.plot(x, ticks, color=colour, lw=width, solid_joinstyle="miter")
            if chance is not None and row["name"] == CHANCE_OF:
                axes.plot(
                    [chance, chance], [top + 0.27, top + 0.83], color=INK, lw=1, ls=(0, (2, 2))
                )
        return to_svg(figure, name, "; ".join(said))


def _label(name: str) -> str:
    return NAMES[name].removesuffix(", perplexity")


def _number(value: float, rate: bool) -> str:
    return f"{100 * value:.0f}%" if rate else f"{value:,.1f}"


def _loss_plot(steps: Sequence[Step]) -> Plot:
    groups = _groups(steps)
    x = [group[-1].step for group in groups]
    raw = [sum(s.loss for s in group) / len(group) for group in groups]
    with style():
        figure = new_figure(2.7)
        axes = figure.add_axes((0.09, 0.13, 0.8, 0.75))
        quiet(axes)
        axes.plot(x, raw, color=TUNED, linewidth=0.8, alpha=0.4)
        axes.plot(x, _smooth(raw), color=TUNED, linewidth=2)
        axes.locator_params(axis="x", integer=True)
        axes.set(xlim=(steps[0].step, steps[-1].step), ylim=(0, None))
        ends = stage_ends(steps)
        for end in ends:
            axes.axvline(end + 0.5, color=BASE, linewidth=1, ls=":")
        axes.set_title("loss, nats per token", loc="left", color=TUNED)
        right = axes.twinx()
        right.plot(x, [group[-1].lr for group in groups], color=EXTRA, linewidth=1)
        right.set_ylim(0, 1.1 * max(s.lr for s in steps) or 1.0)
        right.tick_params(length=0)
        right.ticklabel_format(axis="y", style="sci", scilimits=(0, 0), useMathText=False)
        right.yaxis.get_offset_text().set_visible(False)
        power = _power(max(s.lr for s in steps))
        right.set_yticks([]) if power is None else right.yaxis.set_major_formatter(
            lambda value, _: f"{value / 10.0**power:g}"
        )
        unit = "" if power is None else f", 1e{power}"
        right.set_title(f"learning rate{unit}", loc="right", color=EXTRA)
        label = f"loss from {raw[0]:.2f} to {_smooth(raw)[-1]:.2f} nats per token over "
        label += f"{steps[-1].step:,} steps"
        svg = to_svg(figure, "loss", label)
    caption = "By step: each as measured (faint) and smoothed; the thin line is the learning rate."
    if ends:
        caption += " Dotted: a stage ends."
    return Plot("Training loss", caption, svg)


def _power(value: float) -> int | None:
    """The power of ten that ``value`` is written with; None for zero."""
    return int(f"{value:e}".partition("e")[2]) if value > 0 else None


def _speed_plot(steps: Sequence[Step]) -> Plot:
    groups = _groups(steps)
    minutes: list[float] = []
    elapsed = 0.0
    for group in groups:
        elapsed += sum(step.seconds for step in group)
        minutes.append(elapsed / 60)
    speed = [sum(s.tokens for s in g) / max(sum(s.seconds for s in g), 1e-9) for g in groups]
    with style():
        figure = new_figure(2.7)
        axes = figure.add_axes((0.11, 0.13, 0.84, 0.75))
        quiet(axes)
        axes.plot(minutes, speed, color=TUNED, linewidth=1.5)
        axes.set(xlim=(0, minutes[-1] or 1.0), ylim=(0, 1.12 * max(speed) or 1.0))
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.set_title("tokens per second", loc="left", color=TUNED)
        middle = sorted(speed)[len(speed) // 2]
        label = f"about {middle:,.0f} tokens per second over {minutes[-1]:.1f} minutes"
        svg = to_svg(figure, "speed", label)
    caption = "By minutes of training, pauses left out. The first steps also warm up the machine."
    return Plot("Speed", caption, svg)


def _strength_plot(chosen: Mapping[str, Any], points: Sequence[Mapping[str, Any]]) -> Plot:
    kept = [0.0, *(100 * point["strength"] for point in points)]
    rise = [0.0, *(point["rise"] for point in points)]
    below = [0.0, *(max(0.0, point["rise"] - point["ci95"][0]) for point in points)]
    above = [0.0, *(max(0.0, point["ci95"][1] - point["rise"]) for point in points)]
    with style():
        figure = new_figure(2.7)
        axes = figure.add_axes((0.13, 0.13, 0.82, 0.75))
        quiet(axes)
        axes.axhline(chosen["allowed"], color=EXTRA, linewidth=1, ls="--")
        axes.axvline(100 * chosen["strength"], color=LINE, linewidth=1)
        axes.errorbar(
            kept, rise, yerr=(below, above), color=TUNED, marker="o", ms=4, lw=1.2, elinewidth=1
        )
        axes.set_xlim(-3, 103)
        axes.xaxis.set_major_formatter("{x:.0f}%")
        axes.set_title("general loss over the base's, nats per token", loc="left", color=TUNED)
        label = f"{100 * chosen['strength']:.0f}% of the change is kept; general text rises by "
        label += ", ".join(f"{y:+.3f} at {x:.0f}%" for x, y in zip(kept[1:], rise[1:], strict=True))
        svg = to_svg(figure, "strength", label)
    caption = "By how much of the change is kept, on texts that neither train nor judge, with 95% "
    caption += "intervals by bootstrap (too narrow where texts are few). The most whose interval "
    caption += "ends below the dashed line is taken (upright line)."
    return Plot("How much of the change to keep", caption, svg)


def _groups(steps: Sequence[Step]) -> list[Sequence[Step]]:
    """Steps in at most MAX_POINTS consecutive groups of one size."""
    size = -(-len(steps) // MAX_POINTS)
    return [steps[start : start + size] for start in range(0, len(steps), size)]


def _smooth(values: Sequence[float]) -> list[float]:
    """Centred moving average over about a tenth of the points, shorter at the ends."""
    reach = max(1, len(values) // 20)
    windows = [values[max(0, i - reach) : i + reach + 1] for i in range(len(values))]
    return [sum(window) / len(window) for window in windows]
