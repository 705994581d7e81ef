"""What a base model learned, put on the model that was instruction-tuned from it.

The change that documents made is added to the instruct model's weights: instruct + (trained -
base), which is trained + (instruct - base) (task arithmetic, arXiv 2212.04089; Chat Vector, arXiv
2310.04799). So the instruct model learns what documents say without being trained on them, which
would cost it its manners.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from steep.errors import ModelError
from steep.model.load import skeleton
from steep.model.strength import magnitude_at, original_of


def graft(trained: Any, load_base: Callable[[], Any], load_target: Callable[[], Any]) -> Any:
    """Put the change of ``trained`` on another model; both then hold the same change.

    An adapter's product is added as it is, and modules trained whole, or all weights after full
    training, as a difference in fp32. DoRA scales each row of weight + product to a length of its
    own; the row's scale is carried, so that its change is that of the base but for (scale - 1) x
    (instruct - base), the product of two small things.

    Args:
        trained: of the base, PEFT-wrapped or not; after full training it is used up.
        load_base: gives the model that training began with; called only after full training.
        load_target: gives the other model, made trainable as ``trained`` was, and so with
            parameters of the same names and shapes.

    Returns:
        What ``load_target`` gave, changed in place.
    """
    import torch

    own = dict(trained.named_parameters())
    with torch.no_grad():
        if not hasattr(trained, "peft_config"):
            for name, weight in load_base().named_parameters():
                own[name].sub_(weight)
            target = load_target()
            for name, weight in target.named_parameters():
                weight.add_(own[name])
            return target
        target = load_target()
        theirs = dict(target.named_parameters())
        magnitudes = [name for name in own if ".lora_magnitude_vector." in name]
        for name, weight in own.items():
            if ".modules_to_save." in name:
                theirs[name].add_(weight - original_of(trained, name))
            elif ".lora_" in name and name not in magnitudes:
                theirs[name].copy_(weight)
        for name in magnitudes:  # of products that are in their places now
            scale = own[name] / magnitude_at(trained, name)
            theirs[name].copy_(scale * magnitude_at(target, name))
    return target


def check_pair(base: str, instruct: str) -> None:
    """Find out by their configurations whether one model's change fits the other.

    Raises:
        ModelError: they are one model, of different kinds or shapes, or quantised.
    """
    if base == instruct:
        raise ModelError(
            f"instruct: '{instruct}' is the model itself; name the one that was tuned from it, or "
            "leave instruct out"
        )
    models = {"model": skeleton(base), "instruct": skeleton(instruct)}
    for key, model in models.items():
        if getattr(model.config, "quantization_config", None) is not None:
            raise ModelError(
                f"{key}: {model.config.name_or_path} is quantised, so nothing can be added to its "
                "weights; name the unquantised model"
            )
    differ = _difference(*models.values())
    if differ is not None:
        raise ModelError(
            f"instruct: '{instruct}' wasn't tuned from '{base}': {differ}; name the instruct model "
            "of the same family and size, or leave instruct out"
        )


def check_tokens(
    base: Any, instruct: Any, texts: Iterable[str], *, special_too: bool = False
) -> None:
    """Refuse two tokenizers under which the same text, or the same id, means different things.

    Special tokens may differ, as those of chat templates do: no document holds them.

    Args:
        texts: must be cut alike.
        special_too: they must not differ either, because tokens will be added behind them.

    Raises:
        ModelError: they aren't the same; it says where they differ.
    """
    theirs = instruct.get_vocab()
    special = {} if special_too else base.added_tokens_decoder
    for token, number in sorted(base.get_vocab().items(), key=lambda pair: pair[1]):
        if number not in special and theirs.get(token) != number:
            _refuse_tokens(f"token {number} is {token!r} for the base alone", special_too)
    if special_too and len(theirs) != len(base.get_vocab()):
        _refuse_tokens(f"{len(theirs) - len(base.get_vocab())} tokens are its own", special_too)
    for text in texts:
        if _ids(base, text) != _ids(instruct, text):
            _refuse_tokens(f"{text!r} is cut in another way", special_too)


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _refuse_tokens(what: str, special_too: bool) -> NoReturn:
    because = "; for [vocabulary] special tokens must be the same too" if special_too else ""
    raise ModelError(
        f"instruct: its tokenizer isn't the base model's: {what}{because}; name the instruct model "
        "of the same family, or leave instruct out"
    )


def _difference(base: Any, instruct: Any) -> str | None:
    """The first thing that the two models don't share, in words."""
    kinds = [model.config.model_type for model in (base, instruct)]
    if kinds[0] != kinds[1]:
        return f"it is a {kinds[1]} and the base a {kinds[0]}"
    tied = [bool(model.config.get_text_config().tie_word_embeddings) for model in (base, instruct)]
    if tied[0] != tied[1]:
        return f"its head is {_tied(tied[1])} and the base's is {_tied(tied[0])}"
    shapes = [{n: tuple(p.shape) for n, p in m.named_parameters()} for m in (base, instruct)]
    for name in dict.fromkeys([*shapes[0], *shapes[1]]):
        here, there = (found.get(name) for found in shapes)
        if here != there:
            return f"{name} is {_shape(there)} and the base's is {_shape(here)}"
    return None


def _tied(is_tied: bool) -> str:
    return "tied to its embedding" if is_tied else "a matrix of its own"


def _shape(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else " x ".join(map(str, shape))
