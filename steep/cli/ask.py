"""``steep ask``: one answer, or a prompt loop; base next to tuned, with or without a passage."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from steep.cli.console import say
from steep.cli.options import JSON
from steep.errors import UserInputError

if TYPE_CHECKING:
    from steep.stages.talk import Voice

_HELP = "/new forgets what was said, /quit (or Ctrl-D) ends"


@click.command()
@click.argument("model")
@click.argument("question", required=False)
@click.option("--base", is_flag=True, help="Answer with the base model too, side by side.")
@click.option(
    "--passage",
    metavar="TEXT|FILE",
    help="Also answer with this passage in the prompt, as retrieval would.",
)
@click.option(
    "--chat/--no-chat",
    "chats",
    default=None,
    help="Use the chat template (default: in the prompt loop, if the model has one).",
)
@click.option("--max-new-tokens", default=100, show_default=True, type=click.IntRange(min=1))
@click.option("--temperature", default=0.3, show_default=True, type=click.FloatRange(min=0))
@click.option("--seed", default=0, show_default=True)
@JSON
def ask(
    model: str,
    question: str | None,
    base: bool,
    passage: str | None,
    chats: bool | None,
    max_new_tokens: int,
    temperature: float,
    seed: int,
    as_json: bool,
) -> None:
    """Ask MODEL (a run folder, an adapter, a model folder, a GGUF file, an alias or an id) a
    QUESTION, or each line that is typed if there is none."""
    from steep.stages.talk import Manner, voices

    if as_json and question is None:
        raise UserInputError("--json needs the question on the command line")
    manner = Manner(
        max_new_tokens, temperature, seed, passage=None if passage is None else _read(passage)
    )
    # One question is asked as the proof asks it, unless told otherwise.
    asked = voices(
        model, manner, base=base, chats=False if question is not None and chats is None else chats
    )
    if as_json:
        answers = {name: voice.answer(question or "") for name, voice in asked.items()}
        say(json.dumps({"question": question, **answers}, ensure_ascii=False))
    elif question is not None:
        _tell(asked, question)
    else:
        for line in _lines():
            if line == "/new":
                for voice in asked.values():
                    voice.forget()
            else:
                _tell(asked, line)


def _read(passage: str) -> str:
    """The passage itself, or what stands in the file of that name.

    Raises:
        UserInputError: the file can't be read, or nothing stands there.
    """
    try:
        path = Path(os.path.expanduser(passage))
        text = path.read_text(encoding="utf-8") if path.is_file() else passage
    except (OSError, ValueError) as error:
        # Too long for a file's name, which a system counts in bytes, or of several lines: a text.
        if "\n" in passage or getattr(error, "errno", None) == errno.ENAMETOOLONG:
            text = passage
        else:
            raise UserInputError(f"--passage {passage}: can't be read ({error})") from None
    if not text.strip():
        raise UserInputError("--passage: there is no text in it")
    return text.strip()


def _lines() -> Iterator[str]:
    """Lines typed or piped, without blank ones, until /quit or the end."""
    by_hand = sys.stdin.isatty()
    if by_hand:
        click.echo(f"({_HELP})", err=True)
    while True:
        if by_hand:
            click.echo("> ", err=True, nl=False)
        line = sys.stdin.readline()
        if not line or line.strip() in ("/quit", "/exit"):
            return
        if line.strip().startswith("/") and line.strip() != "/new":
            click.echo(f"unknown command; {_HELP}", err=True)
        elif line.strip():
            yield line.strip()


def _tell(asked: Mapping[str, Voice], question: str) -> None:
    """Print each model's answer while it comes."""
    for name, voice in asked.items():
        label = f"{name.replace('_', ' ')}: " if len(asked) > 1 else ""
        printed = _Printed(label)
        printed.finish(voice.answer(question, printed.so_far))


class _Printed:
    """An answer on its way to stdout: only what can't change any more is printed."""

    _KEPT_BACK = len("\nQuestion:")

    def __init__(self, label: str) -> None:
        self._label, self._done = label, ""

    def so_far(self, text: str) -> None:
        """The answer has grown to ``text``."""
        text = text.lstrip()
        # What may be the beginning of the next question, or half of a character, waits.
        whole = text.split("\ufffd")[0]
        self._print(whole[: -self._KEPT_BACK])

    def finish(self, text: str) -> None:
        """``text`` is the answer."""
        self._print(text)
        click.echo("" if self._done or self._label else "(no answer)")

    def _print(self, text: str) -> None:
        if not text.startswith(self._done) or len(text) <= len(self._done):
            return
        click.echo(("" if self._done else self._label) + text[len(self._done) :], nl=False)
        sys.stdout.flush()
        self._done = text
