"""Talking to models: one question or a conversation, with or without a passage to read from."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steep.errors import UserInputError
from steep.export.gguf.read import is_gguf, load_gguf
from steep.model.load import load_model
from steep.proof.generation import Decoding
from steep.proof.questions import PROMPT
from steep.proof.scorer import Scorer
from steep.stages.exported import base_of, model_of

_STOP = "\nQuestion:"  # where a model that was taught questions asks itself the next one


@dataclass(frozen=True)
class Manner:
    """How models are asked.

    Attributes:
        chats: each turn in the model's chat template; else as ``Question: …`` and ``Answer:``.
        temperature: 0 is greedy; else draws from a generator of its own, by ``seed``.
        passage: text that is put in front of the first question; None for none.
    """

    max_new_tokens: int = 100
    temperature: float = 0.3
    seed: int = 0
    chats: bool = False
    passage: str | None = None


class Voice:
    """A model in conversation: it remembers what was asked and what it said."""

    def __init__(self, scorer: Scorer, manner: Manner) -> None:
        self._scorer, self._manner = scorer, manner
        self._turns: list[tuple[str, str]] = []

    def answer(self, question: str, heard: Callable[[str], None] | None = None) -> str:
        """Answer, in view of what was said before.

        ``heard`` gets the answer so far, again and again while it grows.

        Raises:
            UserInputError: the question alone is longer than the model can read.
        """
        prompt = self._prompt(question)
        decoding = Decoding(
            self._new_tokens,
            min_new_tokens=1,
            stops=() if self._manner.chats else (_STOP,),
            temperature=self._manner.temperature,
        )
        (text,) = self._scorer.continue_ids([prompt], decoding, seed=self._manner.seed, heard=heard)
        self._turns.append((question, text.strip()))
        return text.strip()

    def forget(self) -> None:
        """Begin a new conversation."""
        self._turns.clear()

    @property
    def _new_tokens(self) -> int:
        return min(self._manner.max_new_tokens, self._scorer.max_length - 1)

    def _prompt(self, question: str) -> list[int]:
        """Token ids of the conversation so far; its oldest turns go where it is too long."""
        room = self._scorer.max_length - self._new_tokens
        while True:
            ids = self._ids(question)
            if len(ids) <= room:
                return ids
            if not self._turns:
                raise UserInputError(
                    f"the question has {len(ids):,} tokens with what stands around it, and the "
                    f"model reads {room:,} beside its answer; make it shorter, or lower "
                    "--max-new-tokens"
                )
            del self._turns[0]

    def _ids(self, question: str) -> list[int]:
        passage = self._manner.passage
        asked = [*self._turns, (question, None)]
        if not self._manner.chats:
            said = [f"{PROMPT.format(question=q)}{'' if a is None else f' {a}'}" for q, a in asked]
            return self._scorer.encoder.prompt(
                "\n\n".join([*([passage] if passage else []), *said])
            )
        messages = []
        for place, (q, a) in enumerate(asked):
            before = f"{passage}\n\n" if passage and not place else ""
            messages.append({"role": "user", "content": before + q})
            messages += [] if a is None else [{"role": "assistant", "content": a}]
        text = self._scorer.tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True
        )
        # The template writes the tokens around a text itself.
        return list(self._scorer.tokenizer(text, add_special_tokens=False)["input_ids"])


def voices(model: str, manner: Manner, *, base: bool, chats: bool | None) -> dict[str, Voice]:
    """The models to ask, by name: "tuned", and "base" if wanted; with a passage also each with it.

    Args:
        model: a run folder, an adapter, a model folder, a GGUF file, an alias or a hub id.
        chats: use the model's chat template; None for where it has one.

    Raises:
        UserInputError: a model can't be found, its base isn't known, or it has no chat template.
    """
    from dataclasses import replace

    found: dict[str, Voice] = {}
    for name, path in _paths(model, base).items():
        scorer = Scorer(*_loaded(path))
        has_template = scorer.tokenizer.chat_template is not None
        if chats and not has_template:
            raise UserInputError(f"--chat: {path} has no chat template; leave --chat out")
        own = replace(manner, chats=has_template if chats is None else chats)
        found[name] = Voice(scorer, replace(own, passage=None))
        if manner.passage is not None:
            found[f"{name}_with_passage"] = Voice(scorer, own)
    return found


def _loaded(path: str) -> tuple[Any, Any]:
    """(model, tokenizer) of whatever a user may name."""
    place = Path(os.path.expanduser(path))
    if place.suffix == ".gguf" and not place.exists():
        raise UserInputError(f"{path}: no such file; give a GGUF file, a run or a model folder")
    is_file = place.is_file() and (place.suffix == ".gguf" or is_gguf(place))
    return load_gguf(place) if is_file else load_model(path)


def _paths(model: str, base: bool) -> Mapping[str, Any]:
    path = model_of(model)
    if not base:
        return {"tuned": path}
    known = base_of(Path(os.path.expanduser(path)))
    if known is None:
        raise UserInputError(f"--base: {path} is in no run folder, so its base is unknown")
    return {"tuned": path, "base": known}
