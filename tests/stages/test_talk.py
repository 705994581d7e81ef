"""Talking to models: what is in the prompt, turn by turn, and who answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from steep.errors import ModelError, UserInputError
from steep.export.gguf.write import write_gguf
from steep.model.load import load_model
from steep.proof.answers import test_knowledge as knows
from steep.proof.scorer import Scorer
from steep.stages.talk import Manner, Voice, voices
from tests.tiny import save_tiny_model, tiny_model, tiny_tokenizer

TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}<eos>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


class Recorder:
    """Stands in for a scorer: keeps the prompts, and says "yes" to everything."""

    def __init__(self, tokenizer: Any, max_length: int = 4096) -> None:
        model = tiny_model("llama", tokenizer)
        self.tokenizer, self.max_length = tokenizer, max_length
        self.encoder = Scorer(model, tokenizer).encoder
        self.prompts: list[str] = []

    def continue_ids(self, prompts: Any, decoding: Any, **_: Any) -> list[str]:
        self.prompts.append(self.tokenizer.decode(prompts[0]))
        return [" yes "]


def _said(manner: Manner, *questions: str, max_length: int = 4096) -> list[str]:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = TEMPLATE
    recorder: Any = Recorder(tokenizer, max_length)
    voice = Voice(recorder, manner)
    assert {voice.answer(question) for question in questions} == {"yes"}
    return list(recorder.prompts)


# Broken by: a turn forgotten, or the answer not in it.
def test_what_was_said_stands_before_the_question() -> None:
    assert _said(Manner(), "A?", "B?")[1] == "Question: A?\nAnswer: yes\n\nQuestion: B?\nAnswer:"
    assert _said(Manner(chats=True), "A?", "B?")[1] == (
        "<user>A?<eos><assistant>yes<eos><user>B?<eos><assistant>"
    )


def test_a_passage_stands_before_the_first_question() -> None:
    manner = Manner(passage="It is so.")
    assert _said(manner, "A?")[0] == "It is so.\n\nQuestion: A?\nAnswer:"
    chat = _said(Manner(passage="It is so.", chats=True), "A?", "B?")[1]
    assert chat.startswith("<user>It is so.\n\nA?<eos>")
    assert chat.count("It is so.") == 1


# Broken by: cutting the prompt's beginning off by tokens.
def test_the_oldest_turns_go_when_there_is_no_room() -> None:
    prompts = _said(Manner(max_new_tokens=10), *(f"Number {n}?" for n in range(9)), max_length=120)
    assert prompts[-1].startswith("Question: Number")
    assert "Number 0" not in prompts[-1] and "Number 7" in prompts[-1]
    assert prompts[-1].endswith("Question: Number 8?\nAnswer:")
    with pytest.raises(UserInputError, match="make it shorter"):
        _said(Manner(max_new_tokens=10), "why " * 200, max_length=120)


def test_forgetting_begins_anew() -> None:
    tokenizer = tiny_tokenizer()
    recorder: Any = Recorder(tokenizer)
    voice = Voice(recorder, Manner())
    voice.answer("A?")
    voice.forget()
    voice.answer("B?")
    assert recorder.prompts[-1] == "Question: B?\nAnswer:"


# Broken by: another seed or another way of stopping than the public function's.
def test_an_answer_is_the_public_functions_and_is_heard_growing(tmp_path: Path) -> None:
    folder = str(save_tiny_model(tmp_path / "model"))
    loaded = load_model(folder)
    for temperature in (0.0, 0.8):
        (voice,) = voices(folder, Manner(12, temperature, 3), base=False, chats=None).values()
        heard: list[str] = []
        answer = voice.answer("Who?", heard.append)
        same = {"max_new_tokens": 12, "temperature": temperature, "seed": 3}
        assert answer == knows(*loaded, "Who?", **same)  # type: ignore[arg-type]
        assert heard[-1].strip() == answer
        assert len(heard) == 12
        assert heard == sorted(heard, key=len)


def test_a_gguf_file_answers_as_its_model(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    model = tiny_model("llama", tokenizer)
    write_gguf(model, tokenizer, tmp_path / "model.gguf", "F32", "tiny")
    manner = Manner(12, 0.0)
    (voice,) = voices(str(tmp_path / "model.gguf"), manner, base=False, chats=None).values()
    assert voice.answer("Who?") == knows(model, tokenizer, "Who?", max_new_tokens=12, temperature=0)


# Broken by: a file that isn't there or is no GGUF taken for a model's id on the hub.
def test_what_is_no_gguf_file_says_so(tmp_path: Path) -> None:
    manner, path = Manner(12, 0.0), tmp_path / "model.gguf"
    with pytest.raises(UserInputError, match=r"model\.gguf: no such file; give"):
        voices(str(path), manner, base=False, chats=None)
    path.write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(ModelError, match=r"GGUF file .*model\.gguf can't be loaded"):
        voices(str(path), manner, base=False, chats=None)


def test_a_passage_is_answered_with_and_without(tmp_path: Path) -> None:
    folder = str(save_tiny_model(tmp_path / "model"))
    found = voices(folder, Manner(passage="x"), base=False, chats=None)
    assert list(found) == ["tuned", "tuned_with_passage"]


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    folder = str(save_tiny_model(tmp_path / "model"))
    with pytest.raises(UserInputError, match="no chat template"):
        voices(folder, Manner(), base=False, chats=True)
    with pytest.raises(UserInputError, match="--base"):
        voices(folder, Manner(), base=True, chats=None)
