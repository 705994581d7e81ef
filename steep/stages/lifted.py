"""Lift: an adapter trained beside weights in 4 or 8 bits goes onto the weights as they are.

That model is what is judged and exported, because it is what people load: the base in its own files
with the adapter. It isn't the model that was trained, bit for bit, so how far the two are apart is
measured on general text and kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steep.artifact import key_of, read_sealed, write_sealed
from steep.export.parity import Parity, compare, reader_of, trained_reader
from steep.model.graft import graft
from steep.progress import Progress
from steep.proof.questions import validation_texts
from steep.recipe import Recipe
from steep.stages.base import Base
from steep.stages.folder import RunFolder
from steep.stages.vocabulary import start_model


def lifted(
    recipe: Recipe,
    base: Base,
    model: Any,
    key: Mapping[str, Any],
    run: RunFolder,
    progress: Progress,
) -> Any:
    """What ``model`` learned, on the base's own weights; itself where it was trained on those.

    Args:
        key: what the model was made from; the figures of the same one aren't measured again.
    """
    if recipe.train.load_in is None:
        return model
    progress.stage(f"Putting what was learned in {recipe.train.load_in} on the weights as they are")
    whole = graft(model, base.take, lambda: start_model(as_they_are(recipe), base)[0]).eval()
    if not is_measured(recipe, key, run):
        trained = trained_reader(model.eval(), base.tuned_tokenizer, validation_texts())
        apart = compare(trained, reader_of(whole, base.tuned_tokenizer))
        table = {"key": key_of(key), "load_in": recipe.train.load_in, **_figures(apart)}
        write_sealed(run.lifted, table)
    progress.note(lift_words(read_sealed(run.lifted)))
    return whole


def is_measured(recipe: Recipe, key: Mapping[str, Any], run: RunFolder) -> bool:
    """Is it known how far the two models are apart, or is there only one?"""
    return recipe.train.load_in is None or read_sealed(run.lifted).get("key") == key_of(key)


def as_they_are(recipe: Recipe) -> Recipe:
    """The same recipe for weights that aren't quantised."""
    return recipe.model_copy(update={"train": recipe.train.model_copy(update={"load_in": None})})


def _figures(apart: Parity) -> dict[str, Any]:
    """What is kept: ``trained_perplexity`` is of the model that was trained."""
    kept = ("kl", "greedy_agreement", "max_logit_difference", "perplexity", "trained_perplexity")
    return {name: getattr(apart, name) for name in kept}


def lift_words(found: Mapping[str, Any]) -> str:
    """One sentence of what ``lifted.json`` holds."""
    return (
        f"trained beside weights in {found['load_in']}, judged and exported on the base's own: "
        f"against the model in training, KL {found['kl']:.1e} nats, "
        f"{100 * found['greedy_agreement']:.1f}% of greedy tokens equal, perplexity of general "
        f"text {found['perplexity']:.2f} (in training {found['trained_perplexity']:.2f})"
    )
