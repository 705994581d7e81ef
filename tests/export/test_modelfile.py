"""The Modelfile: Ollama's words for the model's own chat template, or none."""

from __future__ import annotations

import re
from typing import Any

import pytest

from steep.export.gguf.modelfile import modelfile, turns_of
from tests.tiny import tiny_tokenizer

CHATML = (
    "{% for m in messages %}{% if loop.first and m.role != 'system' %}<|im_start|>system\n"
    "You are kind.<|im_end|>\n{% endif %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA3 = (
    "<|begin|>{% for m in messages %}<|start|>{{ m.role }}<|end|>\n\n{{ m.content | trim }}<|eot|>"
    "{% endfor %}{% if add_generation_prompt %}<|start|>assistant<|end|>\n\n{% endif %}"
)
ZEPHYR = (
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content + eos_token }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
# Turns that are numbered: no Go template of turns says that.
ODD = (
    "{% for m in messages %}{{ loop.index }} {{ m.role }}: {{ m.content }}\n"
    "{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
)
TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Who {{ you }}?"},
    {"role": "assistant", "content": "Me."},
    {"role": "user", "content": "And now?"},
]


def _tokenizer(template: str | None) -> Any:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = template
    return tokenizer


def _as_ollama(file: str, messages: list[dict[str, str]]) -> str:
    """Fill a written TEMPLATE the way Go does, for the few words it is made of."""
    text = re.search(r'TEMPLATE """(.*?)"""', file, re.DOTALL)
    assert text is not None
    found = re.fullmatch(
        r"(.*?)\{\{ range \.Messages \}\}(.*)\{\{ end \}\}(.*)", text[1], re.DOTALL
    )
    assert found is not None
    cases = dict(
        re.findall(r'if eq \.Role "(\w+)" \}\}(.*?)\{\{ (?=else|end)', found[2], re.DOTALL)
    )
    said = [cases[m["role"]].replace("{{ .Content }}", m["content"]) for m in messages]
    return found[1] + "".join(said) + found[3]


# Broken by: the end of a turn taken for the beginning of the next.
@pytest.mark.parametrize("template", [CHATML, LLAMA3, ZEPHYR])
def test_ollama_says_what_the_chat_template_says(template: str) -> None:
    tokenizer = _tokenizer(template)
    file = modelfile("model-Q8_0.gguf", tokenizer)
    said = tokenizer.apply_chat_template(TALK, tokenize=False, add_generation_prompt=True)
    assert _as_ollama(file, TALK) == said
    assert "FROM ./model-Q8_0.gguf\n" in file
    assert ("SYSTEM" in file) == ("kind" in template)
    assert 'PARAMETER stop "<eos>"' in file


def test_turns_of_chatml() -> None:
    turns = turns_of(_tokenizer(CHATML))
    assert turns is not None
    assert turns.around["assistant"] == ("<|im_start|>assistant\n", "<|im_end|>\n")
    assert turns.system == "You are kind."
    assert (turns.start, turns.answer) == ("", "<|im_start|>assistant\n")
    assert 'PARAMETER stop "<|im_end|>"' in modelfile("x.gguf", _tokenizer(CHATML))


def test_a_template_that_is_no_row_of_turns_is_left_to_the_file() -> None:
    file = modelfile("x.gguf", _tokenizer(ODD))
    assert "TEMPLATE" not in file
    assert "can't be said" in file
    assert turns_of(_tokenizer("{{ raise_exception('no') }}")) is None


def test_without_a_template_it_is_asked_as_the_proof_asks() -> None:
    file = modelfile("x.gguf", _tokenizer(None))
    assert 'TEMPLATE """Question: {{ .Prompt }}\nAnswer:"""' in file
    assert 'PARAMETER stop "\\nQuestion:"' in file
