"""tune.html: what a search tried and found, as one static page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from steep.artifact import write_text
from steep.export.card import duration
from steep.proof.trials import Scores, scores_from
from steep.report.page import HEAD, STYLE
from steep.report.svg import BASE, EXTRA, TUNED, Plot, new_figure, quiet, style, to_svg

HEADER = (
    "Learning rate", "Replay", "Passes", "Seed", "Change kept", "General loss, as trained",
    "Domain loss", "Answers, nats", "Right", "Time",
)  # fmt: skip
_LOSSES = {"answers": "answers, nats", "domain": "kept documents, nats per token"}

_TEMPLATE = (
    HEAD
    + """\
<title>{{ name }}, steep tune</title>
</head>
<body>
<header><h1>steep tune: <bdi>{{ name }}</bdi></h1></header>
<main>
<section class="verdict {{ 'good' if changes else 'mild' }}" aria-labelledby="verdict">
<h2 id="verdict">{{ headline }}</h2>
<p dir="auto">{{ sentence }}</p>
</section>
<ul class="plain">{% for note in notes %}
<li>{{ note }}</li>{% endfor %}
</ul>
<div class="figures">{% for plot in plots %}
<figure><h3>{{ plot.title }}</h3>
{{ plot.svg | safe }}
<figcaption>{{ plot.caption }}</figcaption></figure>{% endfor %}
</div>
<div class="scroll" role="region" tabindex="0" aria-label="Trials"><table>
<caption>Trials, in the order they were taken; losses beside the change kept are at that</caption>
<thead><tr>{% for cell in header %}
<th scope="col" class="n">{{ cell }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in rows %}
<tr><th scope="row" class="n">{{ row[0] }}</th>{% for cell in row[1:] %}
<td class="n">{{ cell }}</td>{% endfor %}</tr>{% endfor %}
</tbody></table></div>
</main>
<footer>Written by steep. This page is one file: it loads nothing and runs no scripts.</footer>
</body>
</html>
"""
)


def write_page(found: Mapping[str, Any], place: Path, *, name: str) -> None:
    """Write the page of a finished search.

    Args:
        found: tune.json's content.
        name: of the recipe.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    page = environment.from_string(_TEMPLATE).render(
        style=STYLE,
        name=name,
        changes=found["changes"],
        headline=headline(found),
        sentence=sentence(found),
        notes=found["notes"],
        plots=_plots(found),
        header=HEADER,
        rows=trial_rows(found),
    )
    write_text(place, page + "\n")


def headline(found: Mapping[str, Any]) -> str:
    """What to change, in a line."""
    changes = found["changes"]
    return ", ".join(f"{k} = {v:g}" for k, v in changes.items()) or "The recipe stays as it is"


def sentence(found: Mapping[str, Any]) -> str:
    """What it was tried on, and how it was judged."""
    part, sheet = found["slice"], found["sheet"]
    judged = (
        f"{sheet['questions']} questions about the slice"
        if sheet["decides"] == "answers"
        else f"{sheet['domain']} documents kept aside"
    )
    return (
        f"{len(found['trials'])} trials in {duration(found['seconds'])} on {part['documents']:,} "
        f"of {part['of']:,} documents ({part['facts']:,} facts), compared by {judged}, at the "
        f"strength that {sheet['general']} general texts bear."
    )


def trial_rows(found: Mapping[str, Any]) -> list[list[str]]:
    """The base model and each trial as cells under ``HEADER``."""
    base = scores_from(found["base"])
    rows = [["base", "", "", "", "", *_losses(base, base), ""]]
    for row in found["trials"]:
        trial = row["trial"]
        cells = [
            f"{trial['learning_rate']:.2g}",
            f"{trial['general_share']:.0%}",
            f"{trial['passes']:.3g}",
            str(trial["seed"]),
        ]
        if row["kept"] is None:
            cells += ["broke down", *[""] * 4]
        else:
            whole, kept = scores_from(row["whole"]), scores_from(row["kept"])
            cells += [f"{row['strength']:.0%}", *_losses(whole, kept)]
        rows.append([*cells, duration(row["seconds"])])
    return rows


def _losses(whole: Scores, kept: Scores) -> list[str]:
    numbers = (whole.loss("general"), kept.loss("domain"), kept.loss("answers"))
    said = ["" if value is None else f"{value:.3f}" for value in numbers]
    return [*said, "" if kept.accuracy is None else f"{kept.accuracy:.0%}"]


def _plots(found: Mapping[str, Any]) -> list[Plot]:
    made = (_rate_plot(found), _share_plot(found))
    return [plot for plot in made if plot is not None]


def _rate_plot(found: Mapping[str, Any]) -> Plot | None:
    """Deciding loss by learning rate, a line for each number of passes."""
    decides, base = found["sheet"]["decides"], scores_from(found["base"])
    trials = [row for row in found["trials"] if row["kept"] is not None]
    if not trials:
        return None
    usual = (trials[0]["trial"]["general_share"], trials[0]["trial"]["seed"])
    lines: dict[float, list[tuple[float, float]]] = {}
    for row in trials:
        trial, loss = row["trial"], scores_from(row["kept"]).loss(decides)
        if (trial["general_share"], trial["seed"]) == usual and loss is not None:
            lines.setdefault(trial["passes"], []).append((trial["learning_rate"], loss))
    with style():
        figure = new_figure(2.7)
        axes = figure.add_axes((0.13, 0.16, 0.82, 0.72))
        quiet(axes)
        axes.set_xscale("log")
        if (loss := base.loss(decides)) is not None:
            axes.axhline(loss, color=BASE, linewidth=1, ls="--")
        for (passes, points), colour in zip(
            sorted(lines.items()), (EXTRA, TUNED, BASE), strict=False
        ):
            x, y = zip(*sorted(points), strict=True)
            axes.plot(x, y, color=colour, marker="o", ms=4, lw=1.4, label=f"{passes:.3g} passes")
        axes.legend(loc="best", fontsize=9)
        axes.set_title(_LOSSES[decides], loc="left", color=TUNED)
        said = "; ".join(
            f"{passes:.3g} passes: "
            + ", ".join(f"{loss:.3f} at {rate:.2g}" for rate, loss in points)
            for passes, points in sorted(lines.items())
        )
        svg = to_svg(figure, "rates", f"{_LOSSES[decides]} by learning rate; {said}")
    caption = "By learning rate, at equal forgetting; lower is better. Dashed: the base model."
    return Plot("Learning rate", caption, svg)


def _share_plot(found: Mapping[str, Any]) -> Plot | None:
    """Losses as trained against the share of replay, with the fitted lines."""
    fits = (found["findings"] or {}).get("fits") or {}
    general = fits.get("general")
    decides = found["sheet"]["decides"]
    other = fits.get(decides)
    if general is None or other is None:
        return None
    points = _share_points(found, general["shares"])
    low, high = min(general["shares"]), max(general["shares"])
    shares = [low * (high / low) ** (step / 40) for step in range(41)]
    with style():
        figure = new_figure(2.7)
        axes = figure.add_axes((0.13, 0.16, 0.74, 0.72))
        quiet(axes)
        axes.set_xscale("log")
        right = axes.twinx()
        right.tick_params(length=0)
        drawn = (
            (axes, "general", general, EXTRA),
            (right, decides, other, TUNED),
        )
        for place, name, fit, colour in drawn:
            place.plot(shares, [_on(fit, share) for share in shares], color=colour, lw=1)
            place.plot(*_of(points, name), color=colour, marker="o", ms=4, lw=0)
        axes.set_xticks(sorted(general["shares"]))
        axes.minorticks_off()
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g}%")
        axes.set_title("general loss", loc="left", color=EXTRA)
        right.set_title(_LOSSES[decides], loc="right", color=TUNED)
        said = f"general loss changes by {general['slope']:+.3f} and {_LOSSES[decides]} by "
        said += f"{other['slope']:+.3f} for each factor of e in the share of replay"
        svg = to_svg(figure, "shares", said)
    caption = "By share of replay, as trained (before any of the change is taken back), with the "
    caption += "fitted lines; lower is better."
    return Plot("Replay", caption, svg)


def _share_points(found: Mapping[str, Any], shares: Sequence[float]) -> list[tuple[float, Scores]]:
    """(share, scores as trained) of the trials that the lines were fitted to."""
    choices = {choice["key"]: choice for choice in found["findings"]["choices"]}
    rate = choices["learning_rate"]["chosen"]
    passes = found["design"]["passes"]
    seed = found["trials"][0]["trial"]["seed"]
    return [
        (row["trial"]["general_share"], scores_from(row["whole"]))
        for row in found["trials"]
        if row["whole"] is not None
        and row["trial"]["general_share"] in shares
        and (row["trial"]["learning_rate"], row["trial"]["passes"], row["trial"]["seed"])
        == (rate, passes, seed)
    ]


def _of(points: Sequence[tuple[float, Scores]], name: str) -> tuple[list[float], list[float]]:
    found = [(share, loss) for share, s in points if (loss := s.loss(name)) is not None]
    return [share for share, _ in found], [loss for _, loss in found]


def _on(fit: Mapping[str, Any], share: float) -> float:
    return float(fit["intercept"]) + float(fit["slope"]) * math.log(share)
