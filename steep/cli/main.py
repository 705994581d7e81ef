"""The ``steep`` command: thin, and quick to answer; each command loads what it needs."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from steep import __version__
from steep.cli.ask import ask
from steep.cli.assistant import dpo, sft
from steep.cli.console import say_what_can_be_said
from steep.cli.finished import COMMANDS
from steep.cli.options import ACCEPT, FRESH, JSON, RECIPE, SET
from steep.cli.prepare import prepare
from steep.cli.tune import tune
from steep.cli.vocab import vocab
from steep.errors import SteepError
from steep.training.stop import stops_at_once

if TYPE_CHECKING:
    from steep.recipe import Recipe


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="steep")
def cli() -> None:
    """Steep a language model in your documents, and prove what it learned."""


@cli.command()
@RECIPE
@SET
@FRESH
@ACCEPT
@JSON
def run(
    recipe: Path, overrides: tuple[str, ...], fresh: bool, accept_change: bool, as_json: bool
) -> None:
    """Prepare, measure, train, evaluate, export and report. Run it again to resume."""
    _whole_run(_load(recipe, overrides), fresh, accept_change, as_json)


@cli.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATHS…")
@click.option(
    "-o",
    "--output",
    default="recipe.toml",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The recipe to write.",
)
@click.option(
    "--minutes",
    default=30.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="What a run may take on this machine.",
)
@click.option("--model", default="smollm2-135m", show_default=True, help="Model to teach.")
@click.option("--questions", help="Your own questions, as JSON lines.")
@click.option("--force", is_flag=True, help="Replace a recipe that is there.")
@JSON
def init(
    paths: tuple[str, ...],
    output: Path,
    minutes: float,
    model: str,
    questions: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Look at documents and write a commented recipe for them."""
    from steep.cli.console import Console, say
    from steep.cli.plan import plan_lines
    from steep.workflow import init as make_recipe

    with Console(quiet=as_json) as console:
        made = make_recipe(
            paths,
            output,
            minutes=minutes,
            model=model,
            questions=questions,
            force=force,
            progress=console,
        )
    if as_json:
        say(json.dumps(made.as_json(), ensure_ascii=False))
        return
    for line in [*plan_lines(made.plan), "", f"Written: {made.path}. Next: steep run {made.path}"]:
        say(line)


@cli.command()
@RECIPE
@SET
@click.option("--quick", is_flag=True, help="Don't load the base model to try it on your text.")
@JSON
def plan(recipe: Path, overrides: tuple[str, ...], quick: bool, as_json: bool) -> None:
    """Predict memory and time of a run, and say whether it is the right tool."""
    from steep.cli.console import Console, say
    from steep.cli.plan import plan_lines
    from steep.workflow import plan as plan_recipe

    with Console(quiet=as_json) as console:
        found = plan_recipe(_load(recipe, overrides), quick=quick, progress=console)
    if as_json:
        say(json.dumps(found.as_json(), ensure_ascii=False))
        return
    for line in plan_lines(found):
        say(line)


@cli.command()
@click.option("--model", default="smollm2-135m", show_default=True, help="Model to predict for.")
@JSON
def doctor(model: str, as_json: bool) -> None:
    """What this machine is, and what it can train how fast."""
    from dataclasses import asdict

    from steep.cli.console import Console, say
    from steep.cli.plan import doctor_lines
    from steep.workflow import doctor as diagnose

    with Console(quiet=as_json) as console:
        found = diagnose(model, progress=console)
    if as_json:
        say(json.dumps(asdict(found), ensure_ascii=False))
        return
    for line in doctor_lines(found):
        say(line)


@cli.command()
@click.option(
    "--out",
    default="steep-demo",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder to write into.",
)
@click.option(
    "--recipe", type=click.Path(path_type=Path), help="Settings to use instead of the demo's own."
)
@click.option("--seed", default=0, show_default=True, help="Which fictional world to write.")
@SET
@FRESH
@ACCEPT
@JSON
def demo(
    out: Path,
    recipe: Path | None,
    seed: int,
    overrides: tuple[str, ...],
    fresh: bool,
    accept_change: bool,
    as_json: bool,
) -> None:
    """Write a fictional company share and teach it to SmolLM2-135M, with the proof."""
    from steep.cli.demo import demo_recipe

    chosen = demo_recipe(out, recipe, seed, overrides)
    _whole_run(chosen, fresh, accept_change, as_json)


def _stage_command(name: str, text: str, call: Callable[[Recipe, bool, Any], Any]) -> None:
    @cli.command(name=name, help=text)
    @RECIPE
    @SET
    @ACCEPT
    @JSON
    def command(
        recipe: Path, overrides: tuple[str, ...], accept_change: bool, as_json: bool
    ) -> None:
        from steep.cli.console import Console, tell_stage

        with Console(quiet=as_json) as console:
            result = call(_load(recipe, overrides), accept_change, console)
        tell_stage(name, result, as_json)


def _train(recipe: Recipe, accept_change: bool, console: Any) -> Any:
    from steep.workflow import train

    return train(recipe, accept_change=accept_change, progress=console)


def _export(recipe: Recipe, accept_change: bool, console: Any) -> Any:
    from steep.workflow import export

    return export(recipe, accept_change=accept_change, progress=console)


cli.add_command(prepare)
_stage_command("train", "Prepare and train.", _train)
_stage_command("export", "Write the adapter, the merged model and the GGUF.", _export)


@cli.command()
@RECIPE
@SET
@JSON
def report(recipe: Path, overrides: tuple[str, ...], as_json: bool) -> None:
    """Write report.md and report.html of a finished run."""
    from steep.cli.console import Console, tell_stage
    from steep.workflow import report as write_report

    with Console(quiet=as_json) as console:
        page = write_report(_load(recipe, overrides), progress=console)
    tell_stage("report", page, as_json)


@cli.command()
@RECIPE
@SET
@ACCEPT
@JSON
def evaluate(recipe: Path, overrides: tuple[str, ...], accept_change: bool, as_json: bool) -> None:
    """Everything up to the verdict: base and tuned on the same questions and texts."""
    from steep.cli.console import Console
    from steep.cli.verdict import tell
    from steep.workflow import evaluate as evaluate_recipe

    with Console(quiet=as_json) as console:
        outcome = evaluate_recipe(
            _load(recipe, overrides), accept_change=accept_change, progress=console
        )
    tell(outcome, as_json)


for _command in (*COMMANDS, ask, dpo, sft, tune, vocab):
    cli.add_command(_command)


def _load(path: Path, overrides: tuple[str, ...]) -> Recipe:
    from steep.recipe import load_recipe

    return load_recipe(path, overrides)


def _whole_run(recipe: Recipe, fresh: bool, accept_change: bool, as_json: bool) -> None:
    from steep.cli.console import Console
    from steep.cli.verdict import tell
    from steep.workflow import run as run_recipe

    with Console(quiet=as_json) as console:
        outcome = run_recipe(recipe, fresh=fresh, accept_change=accept_change, progress=console)
    tell(outcome, as_json)


def _usage(error: click.ClickException) -> str:
    """One line about a command that can't be understood, and where to read how it is written."""
    found = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    return f"{found} (see {context.command_path if context else 'steep'} --help)"


def main() -> None:
    """Entry point: errors become one line and an exit code."""
    say_what_can_be_said()
    try:
        with stops_at_once():
            cli.main(standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt) as stop:
        asked = stop.__cause__ or stop  # click wraps what a signal raised
        click.echo("steep: interrupted; run the same command again to go on", err=True)
        sys.exit(128 + getattr(asked, "signal_number", signal.SIGINT))
    except click.exceptions.NoArgsIsHelpError as nothing:
        nothing.show()
        sys.exit(2)
    except click.ClickException as error:
        click.echo(f"steep: {_usage(error)}", err=True)
        sys.exit(2)
    except SteepError as error:
        click.echo(f"steep: {' '.join(str(error).split())}", err=True)
        sys.exit(error.exit_code)
