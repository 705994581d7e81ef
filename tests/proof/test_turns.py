"""Where an answer ends: by the chat template, whatever else ends a text."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from steep.proof.generation import end_tokens
from steep.proof.turns import turn_end
from tests.tiny import tiny_tokenizer

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
REFUSES = "{{ raise_exception('no') }}"


def chat_tokenizer(template: str | None = CHATML) -> Any:
    """A tokenizer whose file marks the template's tokens as special, and gives them no name."""
    from tokenizers import AddedToken

    tokenizer = tiny_tokenizer()
    marks = [AddedToken(t, special=True, normalized=False) for t in ("<|im_start|>", "<|im_end|>")]
    tokenizer.add_tokens(marks, special_tokens=True)
    tokenizer.chat_template = template
    return tokenizer


# Broken by: special tokens by their names alone; the last token behind an answer; the token behind
# the question taken for it (no mark looked for).
@pytest.mark.parametrize(
    ("template", "end"),
    [
        (CHATML, "<|im_end|>"),
        (CHATML.replace("<|im_end|>\n", "<|im_end|>\n<eos>"), "<|im_end|>"),
        (CHATML.replace("<|im_end|>", "{{ eos_token }}"), "<eos>"),
        (CHATML.replace("<|im_end|>", ""), None),
        ("<|im_start|>{{ messages[0].content }}<|im_end|>", None),
        (REFUSES, None),
        (None, None),
    ],
)
def test_the_token_behind_an_answer_is_found(template: str | None, end: str | None) -> None:
    tokenizer = chat_tokenizer(template)
    found = turn_end(tokenizer)
    assert found == (None if end is None else tokenizer.convert_tokens_to_ids(end))


# Broken by: end_tokens without the template's.
def test_a_text_ends_where_any_of_three_says_so() -> None:
    tokenizer = chat_tokenizer()
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    for named, found in ((7, {7}), ([7, 8], {7, 8}), (None, set[int]())):
        model = SimpleNamespace(generation_config=SimpleNamespace(eos_token_id=named))
        assert end_tokens(model, tokenizer) == found | {tokenizer.eos_token_id, end}
