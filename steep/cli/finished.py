"""The commands about what is finished: runs and models to compare, verify and benchmark."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from steep.cli.options import JSON
from steep.wording import counted

DAMAGED = 2


@click.command()
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path), metavar="RUN RUN…")
@JSON
def compare(runs: tuple[Path, ...], as_json: bool) -> None:
    """Finished RUNs side by side; differences are to the first, paired item by item."""
    from steep.cli.compare import compare_lines
    from steep.cli.console import say
    from steep.stages.compare import compare as compare_runs

    found = compare_runs(*runs)
    if as_json:
        say(json.dumps(found.as_json(), ensure_ascii=False))
        return
    for line in compare_lines(found):
        say(line)


@click.command()
@click.argument("run_folder", type=click.Path(path_type=Path), metavar="RUN")
@JSON
def verify(run_folder: Path, as_json: bool) -> None:
    """Check every file of a RUN against the hashes recorded when it was written."""
    from steep.cli.console import say
    from steep.stages.verify import verify as verify_run

    found = verify_run(run_folder)
    if as_json:
        say(json.dumps(found.as_json(), ensure_ascii=False))
    else:
        for fault in found.faults:
            say(f"{fault.state}: {fault.file}: {fault.what}")
        made_again = f"; not sealed: {', '.join(found.not_sealed)}" if found.not_sealed else ""
        say(f"{counted(len(found.checked), 'file')} whole, {len(found.faults)} not{made_again}")
    if not found.is_whole:
        sys.exit(DAMAGED)


@click.command()
@click.argument("model")
@click.option(
    "--tasks",
    multiple=True,
    required=True,
    metavar="NAME[=PATH],…",
    help="lm-eval tasks, or name=path for local items; may be given more than once.",
)
@click.option("--base", help="The model to compare with (default: the one MODEL came from).")
@click.option("--limit", type=click.IntRange(min=1), help="Items of each task (default: all).")
@click.option(
    "--allow-code-execution", is_flag=True, help="Let benchmarks run code that the model writes."
)
@JSON
def bench(
    model: str,
    tasks: tuple[str, ...],
    base: str | None,
    limit: int | None,
    allow_code_execution: bool,
    as_json: bool,
) -> None:
    """Put benchmarks to MODEL (as in ask), beside its base where that is known."""
    from steep.cli.bench import bench_lines, split_tasks
    from steep.cli.console import Console, say
    from steep.workflow import bench as bench_model

    with Console(quiet=as_json) as console:
        found = bench_model(
            model,
            split_tasks(tasks),
            base=base,
            limit=limit,
            allow_code_execution=allow_code_execution,
            progress=console,
        )
    if as_json:
        say(json.dumps(found.as_json(), ensure_ascii=False))
        return
    for line in bench_lines(found):
        say(line)


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--apply", is_flag=True, help="Write the changed recipe beside the run.")
@JSON
def diagnose(run: Path, apply: bool, as_json: bool) -> None:
    """Why RUN came out as it did, with the numbers that say so, and what to change."""
    from steep.cli.console import say
    from steep.cli.diagnose import diagnosis_lines
    from steep.stages.diagnose import diagnose as diagnose_run

    found, written = diagnose_run(run, apply=apply)
    if as_json:
        place = None if written is None else str(written)
        say(json.dumps({**found.as_json(), "written": place}, ensure_ascii=False))
        return
    for line in diagnosis_lines(found, written):
        say(line)


COMMANDS = (compare, diagnose, verify, bench)
