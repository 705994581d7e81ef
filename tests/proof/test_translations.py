"""Translations: read, set beside others, and ranked by how much their source raises them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from steep.artifact import key_of
from steep.errors import DriftError, UserInputError
from steep.proof.judge import judge
from steep.proof.measure import SCORER_VERSION, Panel, fingerprint, measure
from steep.proof.measures import OPTIONAL_SETS
from steep.proof.scorer import Choices, ContinuationScore, Scorer, TextScore
from steep.proof.translating import SIGN, ask_translations
from steep.proof.translations import MOST_PAIRS, OTHERS, Translation, load_translations
from steep.proof.words import name_of, verdict_table
from tests.tiny import tiny_model, tiny_tokenizer

HINDI = "यह नाव संख्या {} है और बंदरगाह में खड़ी है।"


def write_pairs(path: Path, count: int) -> Path:
    lines = [f"This is boat {n}, in the harbour.\t{HINDI.format(n)}" for n in range(count)]
    path.write_text("\ufeff" + "\n".join(lines) + "\n\n", encoding="utf-8")
    return path


def test_pairs_are_read_each_with_nine_others_of_its_length(tmp_path: Path) -> None:
    path = write_pairs(tmp_path / "pairs.tsv", 12)
    with path.open("a", encoding="utf-8") as file:
        file.write("A long one.\t" + HINDI.format("और") * 9 + "\n")
    pairs = load_translations(path)
    assert len(pairs) == 13 and pairs[0].id == "line 1" and pairs[0].source.startswith("This is")
    for pair in pairs:
        assert len({pair.target, *pair.others}) == 1 + OTHERS
    assert all(pairs[-1].target not in pair.others for pair in pairs)  # far from their length
    assert load_translations(path) == pairs


def test_of_many_pairs_some_are_chosen_in_their_order(tmp_path: Path) -> None:
    pairs = load_translations(write_pairs(tmp_path / "pairs.tsv", MOST_PAIRS + 40))
    numbers = [int(pair.id.removeprefix("line ")) for pair in pairs]
    assert len(pairs) == MOST_PAIRS and numbers == sorted(numbers) and numbers[-1] > MOST_PAIRS


# Broken by: _one_of_each left out: a second translation was counted wrong, and a line that stands
# twice was two items.
def test_a_sentence_with_two_translations_is_asked_once(tmp_path: Path) -> None:
    path = write_pairs(tmp_path / "pairs.tsv", 12)
    with path.open("a", encoding="utf-8") as file:
        file.write("This is boat  3, in the harbour.\tनाव तीन बंदरगाह में है।\n")
        file.write(f"this is boat 3, in the harbour.\t{HINDI.format(3)}\n")
    pairs = load_translations(path)
    assert [pair.id for pair in pairs] == [f"line {n}" for n in range(1, 13)]
    assert not any("तीन" in other for pair in pairs for other in pair.others)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 different translations; give at least 10"),
        ("a\tb\n" * 20, "1 different translations"),
        ("a\tb\nno tab here\n", "line 2 has 1 columns"),
        ("a\tb\tc\n", "line 1 has 3 columns"),
        ("\n\ta\n", "line 2 has 2 columns, 1 of them filled"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserInputError, match=said):
        load_translations(path)


def test_missing_and_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserInputError, match="no such file"):
        load_translations(tmp_path / "none.tsv")
    (tmp_path / "latin.tsv").write_bytes("é\té\n".encode("latin-1"))
    with pytest.raises(UserInputError, match="can't be read as UTF-8"):
        load_translations(tmp_path / "latin.tsv")


class _Oracle:
    """A scorer to which a source raises its own translation by 5 nats, and common ones are likely.

    The longest sentence is always the likeliest, whatever stands before it.
    """

    class encoder:
        @staticmethod
        def text(text: str) -> list[str]:
            return list(text)

    max_length = 60

    def score_continuations(self, requests: list[Choices]) -> list[list[ContinuationScore]]:
        def worth(prompt: str, text: str) -> float:
            raised = 5.0 if prompt.split("\n")[0].lower() == text.strip() else 0.0
            return 10.0 * len(text) + raised

        return [
            [ContinuationScore(worth(r.prompt, c), 1, False) for c in r.continuations]
            for r in requests
        ]

    def score_texts(self, texts: list[str]) -> list[TextScore]:
        return [TextScore(len(t), len(t), len(t)) for t in texts]


# Broken by: ranking without taking off what each sentence scores by itself.
def test_what_is_ranked_is_how_much_the_source_raises_it() -> None:
    words = [f"word{'x' * n}" for n in range(1 + OTHERS)]
    pairs = [
        Translation(word, word.upper(), word, tuple(w for w in words if w != word))
        for word in words
    ]
    scorer: Any = _Oracle()
    rows = ask_translations(scorer, pairs)
    assert [row["first"] for row in rows] == [True] * 10
    assert {row["margin"] for row in rows} == {5.0}
    wrong = [Translation(p.id, "OTHER", p.target, p.others) for p in pairs]
    assert not any(row["first"] for row in ask_translations(scorer, wrong))  # a tie is wrong
    long = Translation("long", "W" * 60, words[0], tuple(words[1:]))
    assert [row["id"] for row in ask_translations(scorer, [long, pairs[0]])] == [words[0]]


@pytest.fixture(scope="module")
def models() -> tuple[Any, Any, Any]:
    tokenizer = tiny_tokenizer([HINDI])
    return tokenizer, tiny_model("llama", tokenizer), tiny_model("llama", tokenizer, seed=1)


@pytest.fixture
def panel(tmp_path: Path) -> Panel:
    texts = tuple((f"h{n}", HINDI.format(n)) for n in range(3))
    texts += tuple((f"e{n}", f"Boat {n} lies in the harbour of the town.") for n in range(3))
    short = write_pairs(tmp_path / "pairs.tsv", 11)
    short.write_text("\n".join(f"boat {n}\tनाव {n}" for n in range(11)), encoding="utf-8")
    return Panel(
        domain=texts,
        languages=tuple((id, "hi" if id[0] == "h" else "en") for id, _ in texts),
        parallel=load_translations(short),
    )


def _measures(base: Any, tuned: Any) -> dict[str, Any]:
    return {row["name"]: row for row in judge(base, tuned)["measures"]}


def test_measures_by_language_and_of_translations(models: Any, panel: Panel) -> None:
    tokenizer, base, tuned = models
    before, after = (measure(model, tokenizer, panel) for model in (base, tuned))
    rows = _measures(before, after)
    score = Scorer(tuned, tokenizer).score_texts(
        [text for id, text in panel.domain if id[0] == "h"]
    )
    bits = sum(s.nats for s in score) / sum(s.bytes for s in score) / 0.6931471805599453
    assert rows["bits_per_byte_hi"]["tuned"] == pytest.approx(bits, abs=1e-5)
    assert (rows["bits_per_byte_hi"]["n"], rows["bits_per_byte_en"]["n"]) == (3, 3)
    assert rows["bits_per_byte_hi"]["better"] == rows["parallel_bits_per_byte"]["better"] == "lower"
    accuracy = rows["parallel_accuracy"]
    assert accuracy["n"] == 11 and accuracy["better"] == "higher" and len(accuracy["ci95"]) == 2
    assert accuracy["base"] == pytest.approx(
        sum(r["first"] for r in before["parallel"]) / 11, abs=1e-6
    )
    request = Choices(
        f"{panel.parallel[0].source}\n{SIGN}",
        tuple(f" {text}" for text in (panel.parallel[0].target, *panel.parallel[0].others)),
    )
    given, bare = Scorer(base, tokenizer).score_continuations(
        [request, Choices(SIGN, request.continuations)]
    )
    raised = [g.logprob - b.logprob for g, b in zip(given, bare, strict=True)]
    assert before["parallel"][0]["margin"] == pytest.approx(raised[0] - max(raised[1:]), abs=1e-4)
    table = {line.name: line for line in verdict_table(judge(before, after))}
    assert name_of("bits_per_byte_hi") in table
    assert table[name_of("parallel_accuracy")].base.endswith("%")


# Broken by: adding the measures, or the panel's empty parts to its key, without asking for them.
def test_without_them_nothing_changes(models: Any, panel: Panel) -> None:
    tokenizer, base, _ = models
    plain = Panel(domain=panel.domain)
    found = measure(base, tokenizer, plain)
    assert not {"languages", "parallel"} & found.keys()
    assert not any("_hi" in name or "parallel" in name for name in _measures(found, found))
    optional = (*OPTIONAL_SETS, "whole_texts")
    asked = {k: v for k, v in asdict(plain).items() if k not in optional}
    key = key_of({"scorer": SCORER_VERSION, "panel": asked, "model": "m"})
    assert fingerprint(plain, "m") == key != fingerprint(panel, "m")
    with pytest.raises(DriftError, match="different languages or translations"):
        judge(found, measure(base, tokenizer, panel))
