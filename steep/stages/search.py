"""The search itself: trial after trial, each chosen by what the ones before it came to."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from steep.planning.search import Fit, Trial, first_rates, next_rate, other_shares
from steep.progress import Progress
from steep.proof.statistics import Difference
from steep.proof.trials import LogLine, Scores, Sheet, difference, fit_log_line
from steep.recipe import default_rate
from steep.stages.trial import Ground, Result, run_trial

_MARGIN = 1.1  # a trial is begun if the time left is so many times what it should take


@dataclass(frozen=True)
class Choice:
    """One setting: what was tried, what is chosen, and how sure that is.

    Attributes:
        key: "learning_rate", "general_share" or "passes".
        usual: the recipe's value (of passes: the trials').
        best: the value with the least loss.
        chosen: ``best`` if the whole interval says that it is better, else the recipe's.
        delta, ci95: the best's loss minus the recipe's, with its 95% interval over the items; None
            where one of them is missing.
    """

    key: str
    usual: float
    best: float
    chosen: float
    delta: float | None
    ci95: tuple[float, float] | None
    tried: tuple[float, ...]


@dataclass(frozen=True)
class Findings:
    """What a search came to.

    Attributes:
        choices: by setting, as far as it got.
        fits: loss against share of replay, as trained: "general", "domain", "answers".
        seeds_apart: what another seed changed in the deciding loss of the best setting; None if
            that wasn't tried.
        learned: did any trial beat the base model, by the whole interval?
        not_run: what the time didn't allow, in words.
    """

    choices: tuple[Choice, ...]
    fits: Mapping[str, LogLine]
    seeds_apart: float | None
    learned: bool
    not_run: tuple[str, ...]

    def chosen(self, key: str) -> float | None:
        """The chosen value of a setting; None if the search didn't get to it."""
        return next((choice.chosen for choice in self.choices if choice.key == key), None)

    def as_json(self) -> dict[str, Any]:
        """As tune.json has it."""
        return asdict(self)


class Search:
    """Takes trials one by one as long as there is time; those taken before aren't taken again."""

    def __init__(
        self,
        ground: Ground,
        fit: Fit,
        folder: Path,
        results: Sequence[Result],
        *,
        tokens_per_second: float,
        asking_seconds: float,
        seconds_left: Callable[[], float],
        keep: Callable[[Sequence[Result]], None],
        progress: Progress,
    ) -> None:
        """
        Args:
            folder: each trial has a folder of its own in it.
            results: of trials taken by an earlier command.
            tokens_per_second, asking_seconds: predicted; after the first trial, what was measured.
            seconds_left: of the time the user gave.
            keep: hears of all results after each new one.
        """
        self._ground, self._fit, self._folder = ground, fit, folder
        self.results = list(results)
        self._rate, self._asking = tokens_per_second, asking_seconds
        self._seconds_left, self._keep, self._progress = seconds_left, keep, progress
        self._not_run: list[str] = []
        self._sheet = ground.sheet
        train = ground.recipe.train
        self._usual_rate = train.learning_rate or default_rate(train)
        self._usual_share = ground.recipe.data.general_share
        self._seed = ground.recipe.seed

    def run(self) -> Findings:
        """Learning rates, shares of replay, passes, and another seed."""
        design, whole = self._fit.design, self._fit.passes
        half = whole / 2
        usual = self._usual_share
        first = self._rates(half)
        choices: list[Choice] = []
        finals: dict[float, Result] = {}
        for rate in _ranked(self._sheet, first)[: design.finalists]:
            self._add(finals, rate, Trial(rate, usual, whole, self._seed))
        last = finals if len(finals) > 1 else first
        if chosen := choose(self._sheet, "learning_rate", self._usual_rate, last, first):
            choices.append(chosen)
        rate = chosen.chosen if chosen else self._usual_rate

        shares: dict[float, Result] = {}
        if design.shares:
            self._add(shares, usual, Trial(rate, usual, whole, self._seed))
            for share in other_shares(usual, design.shares):
                self._add(shares, share, Trial(rate, share, whole, self._seed))
        if len(shares) > 1 and (found := choose(self._sheet, "general_share", usual, shares)):
            choices.append(found)

        # A rate that is kept for want of a surely better one may be no finalist.
        settled = finals.get(rate, shares.get(usual))
        passes = {half: first[rate]} if rate in first else {}
        if settled is not None:
            passes[whole] = settled
        if design.doubled:
            self._add(passes, 2 * whole, Trial(rate, usual, 2 * whole, self._seed))
        if len(passes) > 1 and (found := choose(self._sheet, "passes", whole, passes)):
            choices.append(found)

        again: dict[float, Result] = {}
        if design.repeated and settled is not None:
            self._add(again, rate, Trial(rate, usual, whole, self._seed + 1))
        return Findings(
            choices=tuple(choices),
            fits=_fits(shares),
            seeds_apart=_apart(self._sheet, settled, again.get(rate)),
            learned=any(self._beats_base(result) for result in self.results),
            not_run=tuple(self._not_run),
        )

    def _rates(self, passes: float) -> dict[float, Result]:
        """The first round: the recipe's rate and its neighbours, on from the edge if best there."""
        design = self._fit.design
        found: dict[float, Result] = {}
        known = default_rate(self._ground.recipe.train)
        for rate in first_rates(self._usual_rate, design.rates, known):
            self._add(found, rate, Trial(rate, self._usual_share, passes, self._seed))
        for _ in range(design.extra_rates):
            best = next(iter(_ranked(self._sheet, found)), None)
            beyond = None if best is None else next_rate(list(found), best)
            if beyond is None:
                break
            if not self._add(found, beyond, Trial(beyond, self._usual_share, passes, self._seed)):
                break
        return found

    def _add(self, to: dict[float, Result], value: float, trial: Trial) -> bool:
        result = self._take(trial)
        if result is not None:
            to[value] = result
        return result is not None

    def _take(self, trial: Trial) -> Result | None:
        """The trial's result; None if there is no time for it."""
        known = next((result for result in self.results if result.trial == trial), None)
        if known is not None:
            return known
        seconds = self._predicted(trial)
        said = (
            f"rate {trial.learning_rate:.2g}, {trial.general_share:.0%} replay, "
            f"{trial.passes:.3g} passes"
        )
        said += f", seed {trial.seed}" if trial.seed != self._seed else ""
        if self._seconds_left() < _MARGIN * seconds:
            self._not_run.append(said)
            return None
        number = len(self.results) + 1
        self._progress.stage(f"Trial {number}: {said}; about {seconds:.0f} s")
        result = run_trial(self._ground, trial, self._folder / trial.name, self._progress)
        self.results.append(result)
        self._keep(self.results)
        self._progress.note(_words(self._ground, result))
        return result

    def _predicted(self, trial: Trial) -> float:
        """Seconds that a trial should take."""
        taken = [result for result in self.results if not result.failed]
        training = sum(result.seconds - result.asking_seconds for result in taken)
        rate = sum(result.tokens for result in taken) / training if training else self._rate
        asking = max((result.asking_seconds for result in taken), default=self._asking)
        tokens = self._fit.slice_tokens * trial.passes * (1.0 - self._usual_share)
        return tokens / (1.0 - trial.general_share) / rate + asking

    def _beats_base(self, result: Result) -> bool:
        if result.kept is None:
            return False
        found = difference(self._sheet, self._ground.before, result.kept, self._sheet.decides)
        return _is_below(found)


def choose(
    sheet: Sheet,
    key: str,
    usual: float,
    results: Mapping[float, Result],
    earlier: Mapping[float, Result] | None = None,
) -> Choice | None:
    """The value with the least loss at equal forgetting; the recipe's own where that is as good,
    or where it wasn't tried and nothing is known to be better.

    Training loss and the texts trained on play no part.

    Args:
        usual: the recipe's value.
        earlier: shorter trials, in which best and usual are compared where the usual one fell out.

    Returns:
        None where no trial has a result.
    """
    ranked = _ranked(sheet, results)
    if not ranked:
        return None
    best = ranked[0]
    tried = tuple(sorted({*results, *(earlier or {})}))
    at = results if usual in ranked or earlier is None else earlier
    if best == usual or not {best, usual} <= set(_ranked(sheet, at)):
        chosen = best if usual in tried else usual  # where it was tried, it broke down
        return Choice(key, usual, best, chosen, None, None, tried)
    before, after = (_kept(at[value]) for value in (usual, best))
    found = difference(sheet, before, after, sheet.decides)
    chosen = best if _is_below(found) else usual
    return Choice(key, usual, best, chosen, found.delta, found.ci95, tried)


def _is_below(found: Difference) -> bool:
    return found.ci95 is not None and found.ci95[1] < 0


def _ranked(sheet: Sheet, results: Mapping[float, Result]) -> list[float]:
    """Values of trials with a result, the least loss first; of equals the least value."""
    losses = {v: r.kept.loss(sheet.decides) for v, r in results.items() if r.kept is not None}
    known = {value: loss for value, loss in losses.items() if loss is not None}
    return sorted(known, key=lambda value: (known[value], value))


def _kept(result: Result) -> Scores:
    if result.kept is None:
        raise ValueError(f"{result.trial.name} has no scores")
    return result.kept


def _fits(shares: Mapping[float, Result]) -> dict[str, LogLine]:
    """Losses as trained, before any strength is chosen: that is what replay acts on."""
    found: dict[str, LogLine] = {}
    for name in ("general", "domain", "answers"):
        points = [
            (share, loss)
            for share, result in shares.items()
            if result.whole is not None and (loss := result.whole.loss(name)) is not None
        ]
        line = fit_log_line(points)
        if line is not None:
            found[name] = line
    return found


def _apart(sheet: Sheet, one: Result | None, other: Result | None) -> float | None:
    if one is None or other is None or one.kept is None or other.kept is None:
        return None
    losses = [result.kept.loss(sheet.decides) for result in (one, other) if result.kept]
    first, second = (math.nan if loss is None else loss for loss in losses)
    return None if math.isnan(first - second) else abs(first - second)


def _words(ground: Ground, result: Result) -> str:
    """A result in a line."""
    if result.whole is None or result.kept is None:
        return f"broke down: {result.failed}"
    sheet, before = ground.sheet, ground.before
    rise = difference(sheet, before, result.whole, "general").delta
    parts = [f"general {rise:+.3f} nats" if rise is not None else ""]
    parts.append(f"{result.strength:.0%} of the change kept")
    domain, accuracy = result.kept.loss("domain"), result.kept.accuracy
    parts.append("" if domain is None else f"domain {domain:.3f} nats")
    if accuracy is not None:
        parts.append(f"answers {result.kept.loss('answers'):.3f} nats, {accuracy:.0%} right")
    return ", ".join(part for part in [*parts, f"{result.seconds:.0f} s"] if part)
