"""What an evaluation was made with, and the seal that shows whether it was edited since.

The seal is a plain hash: it shows an edit by hand or by a script that didn't mean to cheat. Who
forges the seal too has to forge the item-by-item results it is recomputed from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from steep.artifact import is_sealed, key_of, text_hash
from steep.proof.judge import JUDGE_VERSION, recomputed
from steep.proof.measure import SCORER_VERSION, Panel
from steep.proof.measures import Raw

_SHARED = (
    "questions",
    "general",
    "general_project",
    "general_reference",
    "general_questions",
    "grammar",
)
_JUDGED = (
    "learned",
    "kept",
    "memorised",
    "controls",
    "contaminated",
    "ship",
    "measures",
    "general_loss",
    "rests_on",
)


def evaluation_fingerprint(
    panel: Panel, tokenizer: Any, *, base: str, tuned: str
) -> dict[str, Any]:
    """What results depend on: versions of scorer and rules, and hashes of the rest.

    ``panel`` covers what doesn't depend on how the documents were split, so that runs of other
    seeds can be compared.

    Args:
        base: fingerprint of the base model.
        tuned: hash of what the tuned model was made from.
    """
    asked = asdict(panel)
    shared = [*_SHARED, *(["parallel"] if panel.parallel else [])]
    return {
        "scorer_version": SCORER_VERSION,
        "judge_version": JUDGE_VERSION,
        "panel": key_of({name: asked[name] for name in shared}),
        "tokenizer": tokenizer_hash(tokenizer),
        "base": base,
        "tuned": tuned,
    }


def tokenizer_hash(tokenizer: Any) -> str:
    """A hash of how texts become tokens; settings of padding and truncation don't count."""
    fast = getattr(tokenizer, "backend_tokenizer", None)
    if fast is None:
        whole: dict[str, Any] = {"vocabulary": tokenizer.get_vocab()}
    else:
        whole = json.loads(fast.to_str())
        whole = {k: v for k, v in whole.items() if k not in ("padding", "truncation")}
    special = {str(name): str(token) for name, token in tokenizer.special_tokens_map.items()}
    return text_hash(json.dumps([whole, special], sort_keys=True, ensure_ascii=False))


def what_is_wrong(evaluation: Mapping[str, Any], base: Raw, tuned: Raw) -> str | None:
    """Why an evaluation can't be trusted, in words that follow "evaluation.json"; None if it can.

    Args:
        base, tuned: the raw results beside it.
    """
    if "seal" not in evaluation or "fingerprint" not in evaluation:
        return "has no seal: it was written by an older steep, or by something else"
    if not is_sealed(evaluation):
        return "was edited: its seal doesn't fit its content"
    made = evaluation["fingerprint"]
    if made["scorer_version"] != SCORER_VERSION:
        return (
            f"was made by scorer version {made['scorer_version']}, and this steep has "
            f"{SCORER_VERSION}"
        )
    if made["judge_version"] != JUDGE_VERSION:
        return (
            f"was judged by rules of version {made['judge_version']}, and this steep has "
            f"{JUDGE_VERSION}"
        )
    again = json.loads(json.dumps(recomputed(base, tuned, evaluation)))
    for name in _JUDGED:
        if again[name] != evaluation[name]:
            return f'says another "{name}" than the results in scores/ give'
    return None
