"""A recipe as a person would write it: the keys that matter, each with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tomli_w

_TABLES = {
    "data": {
        "domain": "files, folders or patterns; paths count from this file's folder",
        "general": 'replay: English of many kinds from steep; or ["general/"], or "self"',
        "general_share": "of the training tokens; keeps most of what the model knew",
        "held_out_share": "whole documents kept aside for measuring",
    },
    "train": {
        "method": 'forgets less than "full", which trains every weight',
        "max_seq_length": "tokens a row; longer documents go on in the next one",
        "per_device_train_batch_size": "rows a step; small steps learn facts sooner",
        "replay_kl_coef": "on replay the model is held to the base's predictions,",
        "replay_kl_only": "and not drawn to the voice of the texts",
        "gradient_checkpointing": "less memory, about a third more work",
        "optim": "keeps far less per weight than adamw",
    },
    "evaluate": {
        "questions": '{"question": …, "answer": …} a line; steep makes its own beside them',
        "forgetting_budget": "nats per token that general text may get worse",
    },
}
_NO_QUESTIONS = (
    '# questions = "questions.jsonl"  # yours, {"question": …, "answer": …} a line; '
    "steep makes its own anyway"
)


def commented(
    values: Mapping[str, Any], *, opening: Sequence[str], budget: Sequence[str] = ()
) -> str:
    """TOML of ``values`` (tables one level deep) with comments; reads back as ``values``.

    Args:
        opening: lines of comment above everything.
        budget: lines of comment above the training budget.
    """
    lines = [*_comments(opening), ""]
    lines += [_pair(key, value) for key, value in values.items() if not isinstance(value, Mapping)]
    for table, keys in values.items():
        if not isinstance(keys, Mapping):
            continue
        lines += ["", f"[{table}]"]
        for key, value in keys.items():
            if key == "max_steps":
                lines += _comments(budget)
            lines.append(_pair(key, value, _TABLES.get(table, {}).get(key)))
        if table == "evaluate" and "questions" not in keys:
            lines.append(_NO_QUESTIONS)
    return "\n".join(lines) + "\n"


def _comments(lines: Iterable[str]) -> list[str]:
    return [f"# {line}".rstrip() for text in lines for line in text.splitlines() or [""]]


def _pair(key: str, value: Any, comment: str | None = None) -> str:
    # One line: an array on several has no place for its comment.
    if isinstance(value, list):
        said = f"{key} = [{', '.join(_value(item) for item in value)}]"
    else:
        said = f"{key} = {_value(value)}"
    return f"{said:<33} # {comment}" if comment else said


def _value(value: Any) -> str:
    return tomli_w.dumps({"key": value}).strip().removeprefix("key = ")
