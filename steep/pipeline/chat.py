"""Conversations as a model reads them: rendered, tokenised, and which tokens are targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from steep.errors import ModelError
from steep.pipeline.preferences import Preference
from steep.pipeline.rows import Conversation, Turn
from steep.proof.turns import is_special

# For models without a template. It needs no new token: a turn ends with the model's own
# end-of-text, so there are no untrained rows, and every runtime stops where it should.
PLAIN_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '### ' + message['role'].capitalize() + ':\n' + message['content'] }}"
    "{{ eos_token + '\n' if message['role'] == 'assistant' else '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '### Assistant:\n' }}{% endif %}"
)

_SHOWN = 60  # characters of a rendered turn, in an error's one line


@dataclass(frozen=True)
class Row:
    """A conversation in tokens. ``is_target`` marks what the loss is taken on."""

    ids: tuple[int, ...]
    is_target: tuple[bool, ...]

    @property
    def length(self) -> int:
        """Tokens of the row."""
        return len(self.ids)

    def spans(self) -> list[tuple[bool, list[int]]]:
        """Neighbouring tokens of one kind together, for showing."""
        found: list[tuple[bool, list[int]]] = []
        for token, target in zip(self.ids, self.is_target, strict=True):
            if not found or found[-1][0] != target:
                found.append((target, []))
            found[-1][1].append(token)
        return found


@dataclass(frozen=True)
class PairRow:
    """A prompt and two answers to it in tokens, each with the end of its turn."""

    prompt: tuple[int, ...]
    chosen: tuple[int, ...]
    rejected: tuple[int, ...]

    @property
    def length(self) -> int:
        """Tokens of the longer of the two rows."""
        return len(self.prompt) + max(len(self.chosen), len(self.rejected))


def ensure_template(tokenizer: Any) -> str:
    """The tokenizer's chat template; one without gets the plain one, and keeps it when saved.

    Raises:
        ModelError: it has neither a template nor an end-of-text token to end turns with.
    """
    if not tokenizer.chat_template:
        if tokenizer.eos_token is None:
            raise ModelError(
                "the model has no chat template and no end-of-text token, so an answer can't end; "
                "start from another model, or remove [sft] and [dpo]"
            )
        tokenizer.chat_template = PLAIN_TEMPLATE
    return str(tokenizer.chat_template)


def render(conversation: Conversation, tokenizer: Any) -> Row:
    """Tokens of a conversation; targets are what the assistant says and the end of its turns.

    Each stretch is tokenised for itself, as it is when the model answers: the prompt ends where
    the answer begins.

    Raises:
        ModelError: the template refuses the turns, writes earlier ones differently once there are
            later ones, or asks for an answer otherwise than it writes one.
    """
    ids: list[int] = []
    is_target: list[bool] = []
    done = ""
    turns = conversation.turns
    for n, turn in enumerate(turns):
        if turn.role != "assistant":
            continue
        prompt = _text(turns[:n], tokenizer, asks=True)
        whole = _text(turns[: n + 1], tokenizer, asks=False)
        if not prompt.startswith(done):
            raise ModelError(
                "the model's chat template changes earlier turns when later ones come, so rows of "
                "several turns can't be trained on; keep one question and one answer in a row"
            )
        if not whole.startswith(prompt):
            at = next(n for n, letter in enumerate(prompt) if whole[n : n + 1] != letter)
            asks, writes = (text[at : at + _SHOWN] for text in (prompt, whole))
            raise ModelError(
                f"the model's chat template asks for an answer with {asks!r} where it writes a "
                f"given one as {writes!r}, so it would be asked otherwise than it is trained; "
                "start from a model with another template"
            )
        said = whole[len(prompt) :].rstrip()
        asked, answer = _ids(prompt[len(done) :], tokenizer), _ids(said, tokenizer)
        if not answer or not is_special(tokenizer, answer[-1]):
            answer.append(tokenizer.eos_token_id)
        ids += asked + answer
        is_target += [False] * len(asked) + [True] * len(answer)
        done = prompt + said
    return Row(tuple(ids), tuple(is_target))


def render_pair(preference: Preference, tokenizer: Any) -> PairRow:
    """Tokens of a preference; both answers stand behind the very same prompt.

    Raises:
        ModelError: as ``render``.
    """
    rows = [
        render(Conversation((*preference.prompt, Turn("assistant", answer))), tokenizer)
        for answer in (preference.chosen, preference.rejected)
    ]
    (_, chosen), (_, rejected) = (row.spans()[-1] for row in rows)
    return PairRow(rows[0].ids[: -len(chosen)], tuple(chosen), tuple(rejected))


def _text(turns: Sequence[Turn], tokenizer: Any, *, asks: bool) -> str:
    from jinja2 import TemplateError

    messages = [{"role": turn.role, "content": turn.content} for turn in turns]
    options = {"tokenize": False, "add_generation_prompt": asks}
    try:
        return str(tokenizer.apply_chat_template(messages, **options))
    except TemplateError as error:
        roles = ", ".join(turn.role for turn in turns)
        raise ModelError(
            f"the model's chat template takes no turns of {roles} ({error}); change such rows, or "
            "start from a model with another template"
        ) from error


def _ids(text: str, tokenizer: Any) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
