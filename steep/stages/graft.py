"""Graft: after training, what the documents changed goes onto the instruct model, if one is named.

Only then: what is trained, guarded and resumed is the base model's, so naming an instruct model or
another one later costs no training again. From there on the instruct model is the run's base: the
strength is chosen from it, it is what the result is compared with, and what an adapter names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steep.model.graft import graft
from steep.progress import Progress
from steep.recipe import Recipe
from steep.stages.base import Base
from steep.stages.vocabulary import start_model


def grafted(recipe: Recipe, base: Base, model: Any, progress: Progress) -> Any:
    """The change of the trained ``model``, which is used up, on the instruct model; else itself."""
    if base.instruct is None:
        return model
    instruct = base.instruct
    progress.stage("Putting what was learned on the instruct model")
    return graft(model, base.take, lambda: start_model(recipe, instruct)[0])


def with_instruct(base: Base, key: Mapping[str, Any]) -> dict[str, Any]:
    """What a trained model was made from, given what training was, and the model it is put on."""
    if base.instruct is None:
        return dict(key)
    return {**key, "instruct": base.instruct.fingerprint}
