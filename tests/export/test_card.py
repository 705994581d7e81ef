"""The model card: front matter that any YAML reader takes, and no text that breaks out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Literal

import pytest

from steep.export.card import CardFacts, escape, measure_rows, model_card, plain, table

yaml = pytest.importorskip("yaml")

HOSTILE = "a\": !!python/object:x\n---\n<script>'|`$x`\u2028\x00\ud800 🙂\u202e [l](u)"
EVALUATION: dict[str, Any] = {
    "verdict": "Do not ship: no evidence that it learned your facts.",
    "ship": False,
    "chance": 0.1,
    "measures": [
        {
            "name": "fact_accuracy",
            "n": 40,
            "base": 0.1,
            "tuned": 0.125,
            "delta": 0.025,
            "ci95": [-0.05, 0.1],
            "better": "higher",
        },
        {"name": "verbatim_rate", "n": 0, "base": None, "tuned": None, "delta": None, "ci95": None},
    ],
}
LEDGER = {
    "documents": {"found": 9, "trained": 6, "held_out": 1, "dropped": 2},
    "trained": {"tokens": 61440, "general_share": 0.1953},
}


def facts(
    kind: Literal["adapter", "merged"] = "adapter", model: str = "owner/name", folder: str = "/x/my"
) -> CardFacts:
    return CardFacts(
        kind=kind,
        base_model=model,
        base_hash="cafe",
        evaluation=EVALUATION,
        ledger=LEDGER,
        recipe={"data": {"domain": [folder]}, "train": {"method": "lora", "lora_r": 32}},
        steps=60,
        tokens=61440,
        seconds=324.0,
        machine={"device": "cpu", "threads": 2},
        max_logit_difference=0.00012,
    )


def front_matter(card: str) -> dict[str, Any]:
    start, head, _ = card.split("---\n", 2)
    assert start == ""
    found = yaml.safe_load(head)
    assert isinstance(found, dict)
    return found


def test_front_matter() -> None:
    head = front_matter(model_card(facts()))
    assert head["library_name"] == "peft"
    assert head["base_model"] == "owner/name"
    assert head["license"] == "other"
    assert head["tags"] == ["steep", "continued-pretraining", "lora"]
    merged = front_matter(model_card(facts("merged", "smollm2-135m")))
    assert merged["library_name"] == "transformers"
    assert "base_model" not in merged


# Broken by: "quantized" for a GGUF, which the hub would list as the base's own weights.
def test_relation_to_the_base() -> None:
    heads = {kind: front_matter(model_card(facts(kind))) for kind in ("adapter", "merged", "gguf")}
    said = {kind: head["base_model_relation"] for kind, head in heads.items()}
    assert said == {"adapter": "adapter", "merged": "finetune", "gguf": "finetune"}


def test_sections() -> None:
    card = model_card(facts())
    for part in (
        "**Do not ship: no evidence",
        "| your facts, asked in new words | 40 | 10% | 12% | +2.5 points |",
        "| not measured | not measured |",
        "Sources: my\n",
        "9 found, 6 trained, 1 held out, 2 dropped",
        "61,440, of which 20% general",
        "may state what they say",
        "Time: 5.4 min measured wall time",
        "largest logit difference 0.00012",
        "License: not known to steep",
        "AutoPeftModelForCausalLM",
        "Fingerprint of its files: cafe",
    ):
        assert part in card
    assert "peft" not in model_card(facts("merged")).split("## How to load")[1]


# Broken by: "lora_" alone (then a fully trained model's card speaks of DoRA).
def test_settings_of_adapters_are_not_those_of_full_training() -> None:
    train = {"lora_r": 8, "use_dora": False, "use_rslora": False, "frozen_layers": [0]}
    for method in ("lora", "full"):
        made = replace(facts("merged"), recipe={"train": {"method": method, **train}})
        told = model_card(made).split("## Training")[1]
        assert "frozen\\_layers: \\[0\\]" in told
        for name in ("lora\\_r", "use\\_dora", "use\\_rslora"):
            assert (name in told) == (method == "lora")


# Broken by: nothing said of a local base; its folder printed; the same said of a hub's.
def test_an_adapter_says_where_it_expects_a_local_base() -> None:
    said = model_card(facts(model="/home/ida/models/tiny")).split("## How to load")[1]
    for part in ("names the base model, tiny, by its folder", "`base_model_name_or_path`", "Then:"):
        assert part in said
    assert "ida" not in said
    for card in (model_card(facts()), model_card(facts("merged", "/home/ida/models/tiny"))):
        assert "base_model_name_or_path" not in card


# Broken by: stages told as the recipe has them, or left out of the sources.
def test_the_folders_of_a_curriculum_are_nobodys_business() -> None:
    stage = {"name": "broad", "domain": ["/home/ada/clients/notes"], "epochs": 2.0}
    recipe = {
        "data": {"domain": ["/home/ada/handbook"]},
        "train": {"method": "full", "stages": [stage]},
    }
    card = model_card(replace(facts("merged"), recipe=recipe))
    assert "clients" not in card and "/home" not in card
    assert "- Sources: notes, handbook\n" in card
    assert "- Stage 1: name broad, epochs 2.0\n" in card


def test_snippets_are_python() -> None:
    for kind in ("adapter", "merged"):
        code = model_card(facts(kind)).split("```python\n")[1].split("```")[0]
        compile(code, "README.md", "exec")


def test_little_known() -> None:
    card = model_card(CardFacts("merged", "/home/ida/secret/models/tiny"))
    assert "Not evaluated" in card and "No ledger was kept" in card
    assert "ida" not in card and "# tiny, steeped" in card


@pytest.mark.parametrize("text", [HOSTILE, "owner/na\nme", 'owner/"x": y', "owner/name\n"])
def test_hostile_names(text: str) -> None:
    card = model_card(facts(model=text, folder=text))
    card.encode("utf-8")
    head = front_matter(card)
    assert "base_model" not in head
    assert set(head) == set(front_matter(model_card(facts(model="local"))))
    assert "<script" not in card
    lines = len(model_card(facts(model="local")).splitlines())
    assert len(card.splitlines()) == lines


def test_escape_shows_the_text_itself() -> None:
    from markdown_it import MarkdownIt

    for text in (
        "a|b*c_d[e](f)<g>&amp;`h`\\i~j#k",
        "# x",
        "- x",
        "1. x",
        "10) x",
        "0.0005",
        "=== x",
        "> x",
    ):
        tokens = MarkdownIt().parseInline(escape(text))[0].children or []
        assert "".join(token.content for token in tokens) == text
        assert MarkdownIt().render(escape(text)).startswith("<p>")
    assert escape("a\n\n  b") == "a b"


def test_plain_keeps_every_script() -> None:
    text = "नमस्ते العربية 中文 🙂 tab\tline\nend"
    assert plain(text) == text
    assert plain("a\r\nb\u202ec\x07\udcff") == "a\nbc\ufffd\ufffd"


def test_table_and_rows() -> None:
    assert table(("A", "B"), [("x|y", "1")]).splitlines()[2] == "| x\\|y | 1 |"
    rows = measure_rows(json.loads(json.dumps(EVALUATION)))
    assert rows[1].base == "not measured" and rows[1].n == "0"
