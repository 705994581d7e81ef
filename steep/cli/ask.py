"""``steep ask``: one answer, or a prompt loop; base next to tuned if wanted."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from steep.cli.console import say
from steep.errors import UserInputError


def ask_models(
    model: str,
    question: str | None,
    *,
    base: bool,
    max_new_tokens: int,
    temperature: float,
    seed: int,
    as_json: bool,
) -> None:
    """Answer ``question``, or each line typed if there is none.

    Raises:
        UserInputError: ``--base`` without a known base model, or ``--json`` without a question.
    """
    from steep.model.load import load_model
    from steep.proof.answers import test_knowledge
    from steep.stages.exported import base_of, model_of

    if as_json and question is None:
        raise UserInputError("--json needs the question on the command line")
    path = model_of(model)
    names = {"tuned": path}
    if base:
        known = base_of(Path(path))
        if known is None:
            raise UserInputError(f"--base: {path} is in no run folder, so its base is unknown")
        names["base"] = known
    models = {name: load_model(where) for name, where in names.items()}

    def answers(asked: str) -> dict[str, str]:
        return {
            name: test_knowledge(
                *loaded,
                asked,
                max_new_tokens=max_new_tokens,
                temperature=temperature,
                seed=seed,
            )
            for name, loaded in models.items()
        }

    if question is not None:
        found = answers(question)
        say(json.dumps({"question": question, **found}, ensure_ascii=False)) if as_json else (
            _print(found)
        )
        return
    for line in _lines():
        _print(answers(line))


def _lines() -> Any:
    while True:
        if sys.stdin.isatty():
            sys.stderr.write("Question (empty line ends): ")
            sys.stderr.flush()
        line = sys.stdin.readline().strip()
        if not line:
            return
        yield line


def _print(answers: dict[str, str]) -> None:
    for name, answer in answers.items():
        say(f"{name}: {answer}" if len(answers) > 1 else answer)
