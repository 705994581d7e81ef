"""The base model of a run: resolved, fingerprinted, and loaded only when a stage needs it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from steep.errors import RecipeError
from steep.export.gguf.write import check_gguf
from steep.export.strings import strings
from steep.model.adapters import adapters_warning, check_trainable
from steep.model.context import check_length, length_warning
from steep.model.graft import check_pair, check_tokens
from steep.model.grow import grow_model
from steep.model.load import (
    best_device,
    import_bitsandbytes,
    load_model,
    load_tokenizer,
    model_files,
    model_fingerprint,
    resolve_model,
    skeleton,
)
from steep.model.precision import bound_product_caches
from steep.model.quantised import check_quantisable
from steep.model.vocabulary import Extension
from steep.planning.machine import usable_cpus
from steep.recipe import Recipe
from steep.recipe.resolve import resolve_recipe


@dataclass
class Base:
    """A base model that may not be loaded yet, and its instruct model if the recipe names one.

    ``model`` is handed out once, untouched: training changes it in place, so ``take`` gives it
    away and a later use loads it again.

    Attributes:
        extension: tokens that the model to be trained has beyond these.
        instruct: the model that what was learned is put on.
        warnings: what the user should know of the recipe with this very model.
    """

    path: str
    extension: Extension | None = None
    instruct: Base | None = None
    warnings: tuple[str, ...] = ()

    @property
    def home(self) -> Base:
        """The model that the result is a change of: it is compared with, and exported with."""
        return self.instruct or self

    @cached_property
    def fingerprint(self) -> str:
        """Hash of weights and configuration."""
        return model_fingerprint(self.path)

    @cached_property
    def files(self) -> dict[str, str]:
        """Hash of each file that the fingerprint is made of; empty for a hub model."""
        return model_files(self.path)

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        return load_model(self.path)

    @property
    def model(self) -> Any:
        """The untouched model, in evaluation mode."""
        return self._loaded[0]

    @property
    def tokenizer(self) -> Any:
        """Its tokenizer; loads no weights."""
        return self._tokenizer

    @property
    def tuned_tokenizer(self) -> Any:
        """The tokenizer of the model to be trained, with the tokens that are added."""
        return self.tokenizer if self.extension is None else self.extension.tokenizer

    @cached_property
    def _tokenizer(self) -> Any:
        return load_tokenizer(self.path)

    def let_go(self) -> None:
        """Forget the model if it is loaded, so that it takes no memory."""
        self.__dict__.pop("_loaded", None)

    def knows(self, ids: Sequence[int]) -> bool:
        """Are these ids of ``tuned_tokenizer`` all tokens of the untouched model too?"""
        return self.extension is None or self.extension.parts.keys().isdisjoint(ids)

    def take(self) -> Any:
        """The model to change in place, grown if tokens are added; this object forgets it."""
        model, _ = self._loaded
        self.let_go()
        if self.extension is not None:
            grow_model(model, self.extension)
        return model


def open_base(recipe: Recipe) -> tuple[Recipe, Base]:
    """The resolved recipe and its base model, with the recipe's threads set."""
    import torch

    # The tokenizer's own threads would fork under the loop's and buy nothing here.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # OMP_NUM_THREADS is the user's own word on threads; torch alone would count cores, not CPUs.
    if recipe.train.threads or "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(recipe.train.threads or usable_cpus())
    bound_product_caches()
    import_bitsandbytes()
    base = Base(resolve_model(recipe.model))
    if recipe.instruct is not None:
        base.instruct = Base(resolve_model(recipe.instruct))
        check_pair(base.path, base.instruct.path)
        check_tokens(
            base.tokenizer,
            base.instruct.tokenizer,
            strings(),
            special_too=recipe.vocabulary is not None,
        )
    resolved = resolve_recipe(recipe)
    # A model that can't be loaded, or not trained as asked, is found out here, before any work.
    model = skeleton(base.path)
    check_trainable(model, resolved.train)
    unreached = adapters_warning(model, resolved.train)
    base.warnings = (
        *_on_lengths(resolved, base, model),
        *(() if unreached is None else (unreached,)),
    )
    if resolved.train.precision == "fp16" and best_device() == "cpu":
        raise RecipeError(
            'train.precision is "fp16", which only a GPU trains in; set "auto", "bf16" or "fp32"'
        )
    if resolved.train.load_in is not None:
        check_quantisable(model, resolved.train.load_in, best_device())
    if resolved.export.gguf is not None:
        check_gguf(resolved.export.gguf, skeleton(base.home.path).config, base.home.tokenizer)
    return resolved, base


def _on_lengths(recipe: Recipe, base: Base, model: Any) -> tuple[str, ...]:
    """Refuse rows that a model can't read; what is to be said of those it wasn't made for.

    Args:
        model: the base, without weights.
    """
    found = [length_warning(model.config, "train.max_seq_length", recipe.train.max_seq_length)]
    graft = recipe.later and base.instruct is not None
    home = skeleton(base.home.path) if graft else model
    for name, stage in recipe.later.items():
        key = f"{name}.max_length"
        check_length(home, key, stage.max_length)
        found.append(length_warning(home.config, key, stage.max_length))
    return tuple(warning for warning in found if warning is not None)
