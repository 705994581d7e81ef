"""One run in progress: each stage once, in order, on demand."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from steep.artifact import read_sealed, write_sealed
from steep.progress import Progress
from steep.recipe import Recipe

if TYPE_CHECKING:
    from steep.stages.base import Base
    from steep.stages.folder import RunFolder
    from steep.stages.inputs import Inputs
    from steep.stages.rows import Rows


class Work:
    """What a run has made so far; each method makes what it needs before, and nothing twice."""

    def __init__(
        self,
        recipe: Recipe,
        inputs: Inputs,
        base: Base,
        folder: RunFolder,
        progress: Progress,
        accept_change: bool,
    ) -> None:
        self._recipe, self._inputs, self._base, self._home = recipe, inputs, base, base.home
        self.folder, self._progress, self._accept_change = folder, progress, accept_change
        nothing: Any = None
        self._prepared = self._trained = self._models = self._asked = nothing
        self._rows: Rows | None = None
        self._exports: dict[str, Any] | None = None
        self._planned_at: float | None = None

    def plan(self) -> None:
        """Write plan.json before anything is spent, if the run is long and there is none yet."""
        from steep.stages.plan import is_worth_planning, kept_plan, make_plan, plan_line
        from steep.stages.prepare import draft

        if kept_plan(self._recipe, self._inputs, self._base, self.folder):
            return
        if not read_sealed(self.folder.plan):
            self.folder.plan.unlink(missing_ok=True)
        if self.folder.has_begun or not is_worth_planning(self._recipe, self._inputs, self._base):
            return
        written = self._inputs.replay is not None  # else the base model writes it, after this
        corpus = self.prepare() if written else draft(self._recipe, self._inputs, self._base)
        made = make_plan(self._recipe, self._inputs, self._base, corpus, self._progress, ask=False)
        write_sealed(self.folder.plan, made.as_json())
        self._progress.note(plan_line(made))
        self._planned_at = time.monotonic()

    def keep_time(self) -> None:
        """Note beside the plan what the run took, if all of it ran in this process."""
        if self._planned_at is None:
            return
        seconds = round(time.monotonic() - self._planned_at, 1)
        kept = read_sealed(self.folder.plan)
        write_sealed(self.folder.plan, {**kept, "actual": {"seconds": seconds}})

    def prepare(self) -> Any:
        """Everything up to the token shards."""
        from steep.stages.prepare import prepare_data

        if self._prepared is None:
            self._prepared = prepare_data(
                self._recipe, self._inputs, self._base, self.folder, self._progress
            )
        return self._prepared

    def train(self) -> Any:
        """Everything up to the trained model."""
        from steep.stages.train import train_stage

        if self._trained is None:
            self._trained = train_stage(
                self._recipe,
                self._inputs,
                self._base,
                self.prepare(),
                self.folder,
                self._progress,
                panel=lambda: self._panel()[0],
                accept_change=self._accept_change,
            )
        return self._trained

    def rows(self) -> Rows:
        """What later stages train on, in a language model's words where the recipe asks for it."""
        from steep.stages.asked import asked_rows

        if self._rows is None:
            given = (self._recipe, self._inputs, self.folder)
            self._rows = asked_rows(*given, self._progress)
        return self._rows

    def models(self) -> Any:
        """The model after each stage, by its name; the last is the one to judge and export."""
        from steep.stages.assistant import models_by_stage

        if self._models is None:
            given = (self._recipe, self._home, self.train(), self.rows())
            shards = self.prepare().schedule.shards
            self._models = models_by_stage(*given, shards, self.folder, self._progress)
        return self._models

    def _panel(self) -> Any:
        from steep.stages.evaluate import make_panel
        from steep.stages.manners import with_manners
        from steep.stages.probes import make_probes

        if self._asked is None:
            recipe, base, rows = self._recipe, self._home, self.rows()
            given = (recipe, base, self.prepare(), rows)
            probes = make_probes(*given, self.folder, self._progress)
            panel, left_out = make_panel(self._inputs, probes)
            panel = replace(panel, whole_texts=base.extension is not None)
            self._asked = with_manners(recipe, panel, rows, base), left_out
        return self._asked

    def evaluate(self) -> dict[str, Any]:
        """Everything up to evaluation.json, and its content."""
        from steep.stages.evaluate import evaluate_stage, measure_base

        run, heard, base = self.folder, self._progress, self._home
        panel, left_out = self._panel()
        before = measure_base(base, panel, run, heard)
        given = (panel, left_out, before)
        return evaluate_stage(self._recipe, base, self.models(), *given, run, heard)

    def export(self) -> dict[str, Any]:
        """The exported folders, and exports.json's content."""
        from steep.stages.export import export_stage

        if self._exports is None:
            run, final = self.folder, list(self.models().values())[-1]
            self._exports = export_stage(self._recipe, self._home, final, run, self._progress)
        return self._exports

    def benchmarks(self) -> dict[str, Any] | None:
        """benchmarks.json's content; None where the recipe names none."""
        from steep.stages.benchmarks import benchmark_stage

        return benchmark_stage(self._recipe, self._home, self.export(), self.folder, self._progress)
