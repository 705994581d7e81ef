"""The public functions: a whole run, or any part of it with what it needs before.

Each takes a recipe (or the path of one), does only what isn't done yet, and can be called again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from steep.errors import SteepError, UserInputError
from steep.progress import Progress, Silent
from steep.recipe import Recipe, load_recipe

if TYPE_CHECKING:
    from steep.planning.doctor import Diagnosis
    from steep.stages.benchmarks import BenchResult
    from steep.stages.init import Proposal
    from steep.stages.plan import Plan
    from steep.stages.work import Work


@dataclass(frozen=True)
class Outcome:
    """A finished run: its folder and its evaluation (as in evaluation.json)."""

    folder: Path
    evaluation: dict[str, Any]

    @property
    def ship(self) -> bool:
        """True if it learned, kept what it knew, and didn't memorise."""
        return bool(self.evaluation["ship"])

    @property
    def verdict(self) -> str:
        """The verdict in a sentence or two."""
        return str(self.evaluation["verdict"])


def run(
    recipe: Recipe | str | Path,
    *,
    fresh: bool = False,
    accept_change: bool = False,
    progress: Progress | None = None,
) -> Outcome:
    """Prepare, measure the base, train, evaluate, export and report. Calling again resumes.

    Instructions, preferences and benchmarks are part of it where the recipe names them. A run that
    takes longer than about a minute is planned first: see ``plan``.

    Args:
        fresh: move an old run of this output_dir aside (nothing is deleted) and start over.
        accept_change: go on with a run that was begun with other settings (or another steep) where
            that is sound; the change is kept in the checkpoints' manifests and told in the report.
        progress: what is told while it works; silent by default.

    Raises:
        UserInputError: the recipe, its paths or its run folder can't be used as they are, another
            process works in the run folder (BusyError), or the machine has no more room
            (ResourceError).
        Interrupted: Ctrl-C or SIGTERM came (a SteepError); everything finished is kept.
        TrainingAlarm: training can't go on, and no good state was saved before.
    """
    from steep.report.write import write_report
    from steep.training.stop import Interrupted

    with _working(recipe, progress, fresh=fresh, accept_change=accept_change) as work:
        work.plan()
        outcome = Outcome(work.folder.path, work.evaluate())
        try:
            work.export()
            work.benchmarks()
        except Interrupted:
            raise
        except SteepError:
            write_report(work.folder.path)  # the verdict stands, whatever became of the files
            raise
        work.keep_time()
        write_report(work.folder.path)
    return outcome


def init(
    paths: Sequence[str],
    output: str | Path = "recipe.toml",
    *,
    minutes: float = 30.0,
    model: str = "smollm2-135m",
    questions: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Proposal:
    """Look at documents and write a commented recipe whose run should fit ``minutes`` here.

    Args:
        paths: files, folders, patterns or hf:// addresses, counted from the current folder.
        output: the recipe to write.
        questions: a file of questions to judge by, if there is one.
        force: replace a recipe that is there.

    Raises:
        UserInputError: nothing can be read, or the recipe can't be written.
    """
    from steep.stages.init import check_output, propose

    check_output(Path(output), force=force)
    return propose(
        list(paths),
        Path(output),
        minutes=minutes,
        model=model,
        questions=questions,
        progress=progress or Silent(),
    )


def plan(
    recipe: Recipe | str | Path, *, quick: bool = False, progress: Progress | None = None
) -> Plan:
    """Predict what a run of this recipe takes here, and advise; nothing of the run is written.

    Memory and time come from really training truncated models of the same shape for some
    seconds; the measurement is kept in ``$STEEP_CACHE`` and used by ``run`` too.

    Args:
        quick: don't load the base model to see how well it knows such text already.

    Raises:
        UserInputError: the recipe or its paths can't be used as they are.
    """
    from steep.stages.base import open_base
    from steep.stages.inputs import read_inputs
    from steep.stages.plan import make_plan
    from steep.stages.prepare import draft
    from steep.stages.rows import check_rendered

    given = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    heard = progress or Silent()
    inputs = read_inputs(given)
    resolved, base = open_base(given)
    corpus = draft(resolved, inputs, base)
    check_rendered(resolved, inputs.rows, base.home.tuned_tokenizer)
    return make_plan(resolved, inputs, base, corpus, heard, ask=not quick)


def doctor(model: str = "smollm2-135m", *, progress: Progress | None = None) -> Diagnosis:
    """What this machine is, what is wrong with it, and which models it can train how fast.

    Args:
        model: the model to predict for, as in a recipe.

    Raises:
        UserInputError: the model can't be found, or this machine can't run steep.
    """
    from steep.planning.doctor import diagnose

    return diagnose(model, progress or Silent())


def prepare(
    recipe: Recipe | str | Path, *, accept_change: bool = False, progress: Progress | None = None
) -> Path:
    """Documents to token shards and ledger; returns the run's data folder."""
    with _working(recipe, progress, accept_change=accept_change) as work:
        work.prepare()
        return work.folder.data


def train(
    recipe: Recipe | str | Path, *, accept_change: bool = False, progress: Progress | None = None
) -> Path:
    """Prepare and train; returns the run folder."""
    with _working(recipe, progress, accept_change=accept_change) as work:
        work.train()
        return work.folder.path


def evaluate(
    recipe: Recipe | str | Path,
    *,
    until: Literal["sft"] | None = None,
    accept_change: bool = False,
    progress: Progress | None = None,
) -> Outcome:
    """Everything up to evaluation.json; ``until`` names a stage that is the last for now."""
    with _working(recipe, progress, until=until, accept_change=accept_change) as work:
        return Outcome(work.folder.path, work.evaluate())


def export(
    recipe: Recipe | str | Path, *, accept_change: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """Everything up to the adapter, the merged model and the GGUF, if the recipe names one.

    Returns exports.json's content.
    """
    with _working(recipe, progress, accept_change=accept_change) as work:
        work.evaluate()
        return work.export()


def report(recipe: Recipe | str | Path, *, progress: Progress | None = None) -> Path:
    """Write report.md and report.html from a run folder; returns the HTML's path."""
    from steep.report.write import write_report
    from steep.stages.folder import hold_finished
    from steep.stages.trouble import told_plainly
    from steep.training.stop import stops_at_once

    given = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    folder = Path(given.output_dir)
    with told_plainly(folder), stops_at_once(), hold_finished(folder):
        return write_report(folder)[1]


def bench(
    model: str | Path,
    tasks: Sequence[str],
    *,
    base: str | Path | None = None,
    limit: int | None = None,
    allow_code_execution: bool = False,
    progress: Progress | None = None,
) -> BenchResult:
    """Put benchmarks (lm-eval's tasks) to a model, beside its base where that is known.

    Args:
        model: a run folder, an exported model or adapter, a model folder, an alias or a hub id.
        tasks: names of tasks ("mmlu"), or "name=path" for local items ("mmlu=eval/mmlu.jsonl").
        base: the model to compare with; None means the one that ``model`` was made from, if its
            folder says so, else none.
        limit: items of each task; None means all.
        allow_code_execution: benchmarks may run, on this machine, code that the model writes.

    Raises:
        UserInputError: a model, a name or a file isn't right, or lm-eval isn't installed.
    """
    from steep.benchmarks.names import parse_benchmarks
    from steep.stages.benchmarks import bench_models
    from steep.stages.exported import base_of, model_of

    benchmarks = parse_benchmarks(tasks, allow_code_execution=allow_code_execution)
    if not benchmarks:
        raise UserInputError("no benchmark is named; give some, e.g. mmlu or mmlu=eval/mmlu.jsonl")
    tuned = model_of(str(model))
    other = base_of(Path(os.path.expanduser(tuned))) if base is None else model_of(str(base))
    return bench_models(tuned, other, benchmarks, limit, progress or Silent())


@contextmanager
def _working(
    recipe: Recipe | str | Path,
    progress: Progress | None,
    *,
    fresh: bool = False,
    until: Literal["sft"] | None = None,
    accept_change: bool = False,
) -> Iterator[Work]:
    """A run to work on, nobody else's meanwhile; stops and full disks are told plainly."""
    from steep.recipe.resolve import resolve_recipe
    from steep.stages.base import open_base
    from steep.stages.benchmarks import check_benchmarks
    from steep.stages.folder import (
        RunFolder,
        check_place,
        check_recipe,
        found_in,
        hold_run,
        move_aside,
    )
    from steep.stages.inputs import read_inputs
    from steep.stages.rows import check_rendered
    from steep.stages.trouble import told_plainly
    from steep.stages.vocabulary import extend_base
    from steep.stages.work import Work
    from steep.training.stop import stops_at_once

    given = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    heard = progress or Silent()
    folder = Path(given.output_dir)
    with told_plainly(folder), stops_at_once():
        check_place(folder)
        if not fresh:  # before documents are read, which can take long
            check_recipe(resolve_recipe(given), accept_change=accept_change)
        # Everything the user named is read before the run folder is made: bad input leaves
        # nothing behind.
        inputs = read_inputs(given)
        check_benchmarks(given)
        if until == "sft":  # with the rows as they are if [dpo] is to come
            given = given.model_copy(update={"dpo": None})
        resolved, base = open_base(given)
        for warning in base.warnings:
            heard.note(f"warning: {warning}")
        extend_base(resolved, inputs, base, heard, RunFolder(folder))
        check_rendered(resolved, inputs.rows, base.home.tuned_tokenizer)
        if fresh and (moved := move_aside(folder)) is not None:
            heard.note(f"the old run is now {moved}")
        with hold_run(resolved, accept_change=accept_change) as run:
            found = found_in(run)
            if found is not None:
                heard.note(f"going on with {run.path}: {found}")
            yield Work(resolved, inputs, base, run, heard, accept_change)
