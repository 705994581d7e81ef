"""steep's scorer as a model of lm-eval: the same requests, token for token, in less time.

Everything that decides an answer (how context and continuation are tokenised and where they part,
what stands before an empty context, the cut from the left, the windows of long texts) is inherited
from lm-eval's own model; only the arithmetic is replaced. Requests with the same context become
one row, whatever their order.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from steep.errors import UserInputError
from steep.proof.generation import Decoding
from steep.proof.layout import Encoded
from steep.proof.scorer import Scorer

_CHUNK = 128
# What greedy decoding of ours honours; a request with anything else is left to lm-eval.
_GREEDY = {"do_sample", "temperature", "max_gen_toks", "until"}


def harness_model(
    model: Any, tokenizer: Any, heard: Callable[[int, int], None] | None = None
) -> Any:
    """A model as lm-eval wants it, an ``lm_eval.api.model.LM``.

    Args:
        heard: called with requests done and requests in all.
    """
    from lm_eval.models.huggingface import HFLM

    kind = type("SteepLM", (ScorerAnswers, HFLM), {})
    made = kind(pretrained=model, tokenizer=tokenizer, batch_size=sys.maxsize)
    made.scorer, made.heard = Scorer(model, tokenizer), heard
    return made


class ScorerAnswers:
    """What stands before lm-eval's HFLM: its two ways to the model, through a ``Scorer``."""

    scorer: Scorer
    heard: Callable[[int, int], None] | None
    max_length: int
    max_gen_toks: int

    def _loglikelihood_tokens(
        self, requests: Sequence[tuple[Any, list[int], list[int]]], **_: Any
    ) -> list[tuple[float, bool]]:
        """(log-probability, is it the greedy choice) of each (…, context, continuation)."""
        groups: dict[tuple[int, ...], list[int]] = {}
        for number, (_text, context, continuation) in enumerate(requests):
            if not 0 < len(continuation) <= self.max_length:
                raise UserInputError(
                    f"a benchmark's continuation has {len(continuation)} tokens; it needs at least "
                    f"1 and at most {self.max_length}"
                )
            whole = (context + continuation)[-(self.max_length + 1) :]
            groups.setdefault(tuple(whole[: -len(continuation)]), []).append(number)
        order = sorted(groups, key=lambda prompt: (-len(prompt), prompt))
        found: list[tuple[float, bool]] = [(0.0, False)] * len(requests)
        done = 0
        for start in range(0, len(order), _CHUNK):
            chunk = order[start : start + _CHUNK]
            encoded = [
                Encoded(
                    prompt,
                    tuple(tuple(requests[number][2]) for number in groups[prompt]),
                    tuple((place, k) for k in range(len(groups[prompt]))),
                )
                for place, prompt in enumerate(chunk)
            ]
            scored = self.scorer.score_encoded(encoded)
            for prompt, row in zip(chunk, scored, strict=True):
                for number, score in zip(groups[prompt], row, strict=True):
                    found[number] = (score.logprob, score.greedy)
                    done += 1
            self._tell(done, len(requests))
        return found

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        """The text each (context, settings) is continued with."""
        from lm_eval.models.utils import handle_stop_sequences, normalize_gen_kwargs

        host: Any = self
        end = host.tok_decode(host.eot_token_id, skip_special_tokens=False)
        found: list[str | None] = [None] * len(requests)
        groups: dict[tuple[int, tuple[str, ...]], list[int]] = {}
        others: list[int] = []
        for number, request in enumerate(requests):
            settings = normalize_gen_kwargs(request.args[1], self.max_gen_toks)
            if settings.get("do_sample") or set(settings) - _GREEDY:
                others.append(number)
                continue
            stops = handle_stop_sequences(settings.get("until"), eos=end)
            key = (int(settings["max_gen_toks"]), tuple(stop for stop in stops if stop))
            groups.setdefault(key, []).append(number)
        for (tokens, stops), numbers in groups.items():
            prompts = [self._prompt(requests[number].args[0], tokens) for number in numbers]
            order = sorted(range(len(numbers)), key=lambda place: -len(prompts[place]))
            for start in range(0, len(order), _CHUNK):
                chunk = order[start : start + _CHUNK]
                made = self.scorer.continue_ids(
                    [prompts[place] for place in chunk], Decoding(tokens, stops=stops)
                )
                for place, text in zip(chunk, made, strict=True):
                    found[numbers[place]] = text
                self._tell(sum(text is not None for text in found), len(requests))
        if others:
            left: Any = super()
            answers = left.generate_until([requests[number] for number in others], disable_tqdm)
            for number, text in zip(others, answers, strict=True):
                found[number] = text
        return [text or "" for text in found]

    def _prompt(self, context: str, new_tokens: int) -> list[int]:
        """A context's tokens, cut from the left so that the new ones fit."""
        host: Any = self
        room = self.max_length - new_tokens
        if room < 1:
            raise UserInputError(
                f"a benchmark wants {new_tokens} new tokens, and the model takes {self.max_length} "
                "in all; choose another benchmark or model"
            )
        ids, _ = host.tok_batch_encode([context], left_truncate_len=room)
        return [int(token) for token in ids[0]]

    def _tell(self, done: int, total: int) -> None:
        if self.heard is not None:
            self.heard(done, total)
