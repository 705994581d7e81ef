"""The scorer as a model of lm-eval: the same answers as lm-eval's own, item by item."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from steep.benchmarks.code import can_run, passes
from steep.benchmarks.harness import harness_model
from steep.benchmarks.names import Benchmark
from steep.benchmarks.run import _samples, ask_benchmarks, compare
from steep.benchmarks.tasks import load_benchmark, quiet
from steep.errors import UserInputError
from tests.benchmarks import files
from tests.tiny import WORDS, Kind, tiny_model, tiny_tokenizer

pytest.importorskip("lm_eval", reason="needs steep[bench]")

PAIRS = [
    ("Question: Who is it?\nAnswer:", " Paris"),
    ("Question: Who is it?\nAnswer:", " London"),
    ("Question: Who is it?\nAnswer:", " Paris"),
    ("Question: Who is it? ", "Paris"),  # the space moves to the continuation
    ("bro", "wn fox jumps over"),  # joined, the tokens part elsewhere
    ("Fran", "ce, and"),
    ("", "The lazy dog"),
    ("", "<eos> fox"),
    ("<eos>The fox", " jumps"),
    (WORDS * 3, " dog"),  # cut from the left
    (WORDS * 3, " " + "lazy " * 30),
    ("Zażółć", " हिन्दी"),
]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tiny_tokenizer()


def instances(kind: str, arguments: list[tuple[Any, ...]]) -> list[Any]:
    from lm_eval.api.instance import Instance

    return [Instance(kind, {}, one, n, ("t", n, 1)) for n, one in enumerate(arguments)]


def both(model: Any, tokenizer: Any) -> tuple[Any, Any]:
    from lm_eval.models.huggingface import HFLM

    with quiet():
        theirs = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=3)
        return harness_model(model, tokenizer), theirs


# Broken by: cutting to max_length instead of max_length + 1; grouping by context text and not by
# its tokens; leaving the last token of a continuation out.
@pytest.mark.parametrize("kind", ["llama", "qwen3", "gpt2", "gemma"])
def test_continuations(kind: Kind, tokenizer: Any) -> None:
    ours, theirs = both(tiny_model(kind, tokenizer), tokenizer)
    with quiet():
        expected = theirs.loglikelihood(instances("loglikelihood", PAIRS), disable_tqdm=True)
        found = ours.loglikelihood(instances("loglikelihood", PAIRS), disable_tqdm=True)
    assert [greedy for _, greedy in found] == [greedy for _, greedy in expected]
    assert [value for value, _ in found] == pytest.approx([v for v, _ in expected], abs=1e-3)


def test_greedy_continuations_are_seen(tokenizer: Any) -> None:
    model = tiny_model("llama", tokenizer)
    ours, theirs = both(model, tokenizer)
    (text,) = ours.scorer.generate(["The quick"], max_new_tokens=3)
    pairs = [("The quick", text), ("The quick", " Paris")]
    with quiet():
        expected = theirs.loglikelihood(instances("loglikelihood", pairs), disable_tqdm=True)
        found = ours.loglikelihood(instances("loglikelihood", pairs), disable_tqdm=True)
    assert [greedy for _, greedy in found] == [greedy for _, greedy in expected]
    assert found[0][1] is True


def test_a_tokenizer_with_bos(tokenizer: Any) -> None:
    from tokenizers.processors import TemplateProcessing

    special = tiny_tokenizer()
    special.add_special_tokens({"bos_token": "<pad>"})
    special.backend_tokenizer.post_processor = TemplateProcessing(
        single="<pad> $A", special_tokens=[("<pad>", 1)]
    )
    ours, theirs = both(tiny_model("llama", tokenizer), special)
    pairs = [*PAIRS, ("<pad>The fox", " jumps")]
    with quiet():
        expected = theirs.loglikelihood(instances("loglikelihood", pairs), disable_tqdm=True)
        found = ours.loglikelihood(instances("loglikelihood", pairs), disable_tqdm=True)
    assert [value for value, _ in found] == pytest.approx([v for v, _ in expected], abs=1e-3)


def test_whole_texts(tokenizer: Any) -> None:
    ours, theirs = both(tiny_model("llama", tokenizer), tokenizer)
    texts = [(WORDS * 5,), ("The fox",), ("a",), (WORDS,)]
    with quiet():
        expected = theirs.loglikelihood_rolling(instances("loglikelihood_rolling", texts))
        found = ours.loglikelihood_rolling(instances("loglikelihood_rolling", texts))
    assert found == pytest.approx(expected, abs=1e-2)


# Broken by: giving decode no stops; not cutting a long prompt.
def test_generation(tokenizer: Any) -> None:
    ours, theirs = both(tiny_model("llama", tokenizer), tokenizer)
    (whole,) = ours.scorer.generate(["The quick"], max_new_tokens=12)
    stop = next(whole[k : k + 2] for k in range(1, 20) if whole.index(whole[k : k + 2]) == k)
    settings = {"until": ["\n\n", stop], "max_gen_toks": 12, "do_sample": False}
    asked = [(p, dict(settings)) for p in ("The quick", "Paris is the capital of", WORDS * 4)]
    asked += [("The quick", {**settings, "max_gen_toks": 5, "until": []})]
    with quiet():
        expected = theirs.generate_until(instances("generate_until", asked), disable_tqdm=True)
        found = ours.generate_until(instances("generate_until", asked), disable_tqdm=True)
    assert found == expected
    assert found[0] == whole[: whole.index(stop)] != ""


def test_other_settings_are_left_to_lm_eval(tokenizer: Any) -> None:
    ours, theirs = both(tiny_model("llama", tokenizer), tokenizer)
    asked = [("The quick", {"until": ["\n"], "max_gen_toks": 6, "num_beams": 2})]
    with quiet():
        expected = theirs.generate_until(instances("generate_until", asked), disable_tqdm=True)
        assert ours.generate_until(instances("generate_until", asked)) == expected


def test_what_cannot_be_scored_is_said(tokenizer: Any) -> None:
    ours, _ = both(tiny_model("llama", tokenizer), tokenizer)
    with pytest.raises(UserInputError, match="needs at least 1 and at most 128"):
        ours.loglikelihood(instances("loglikelihood", [("a", " fox" * 200)]), disable_tqdm=True)
    with pytest.raises(UserInputError, match="128 in all"):
        ours.generate_until(instances("generate_until", [("a", {"max_gen_toks": 128})]))


@pytest.mark.parametrize(
    "name", ["blimp", "hellaswag", "lambada", "legalbench", "medqa", "mmlu", "piqa", "pubmedqa"]
)
def test_local_items_give_lm_evals_answers(name: str, tokenizer: Any, tmp_path: Path) -> None:
    one = load_benchmark(Benchmark(name, files.write_all(tmp_path)[name]))
    ours, theirs = both(tiny_model("llama", tokenizer), tokenizer)
    with quiet():
        found, expected = (_samples(lm, one, None)[name] for lm in (ours, theirs))
    assert len(found) == len(expected) > 1
    for mine, other in zip(found, expected, strict=True):
        assert mine["doc_id"] == other["doc_id"]
        for metric in mine["metrics"]:
            assert mine[metric] == pytest.approx(other[metric], abs=1e-3)


def test_official_prompts(tmp_path: Path) -> None:
    written = files.write_all(tmp_path)
    (mmlu,) = load_benchmark(Benchmark("mmlu", written["mmlu"])).tasks.values()
    assert mmlu.fewshot_context(mmlu.eval_docs[0], 0).startswith(
        "The following are multiple choice questions (with answers) about letters.\n\nWhich of"
    )
    (hellaswag,) = load_benchmark(Benchmark("hellaswag", written["hellaswag"])).tasks.values()
    assert hellaswag.fewshot_context(hellaswag.eval_docs[0], 0) == (
        "Jumping: The fox 0 runs. The dog"
    )
    assert hellaswag.doc_to_choice(hellaswag.eval_docs[0])[0] == "is lazy. and quick."
    short = files.lines(tmp_path / "short.jsonl", files.HELLASWAG_SHORT)
    (task,) = load_benchmark(Benchmark("hellaswag", short)).tasks.values()
    assert task.fewshot_context(task.eval_docs[0], 0) == "Jumping: The fox 0 runs. the"


def test_code_is_run(tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = files.write_all(tmp_path)
    names = ["humaneval"] + (["multipl-e"] if can_run("sh") else [])
    loaded = [load_benchmark(Benchmark(name, written[name])) for name in names]
    answers = {"def one():\n": "    return 1\n", "one() {\n": "  echo 1\n"}
    for right in (True, False):
        monkeypatch.setattr(
            "steep.benchmarks.harness.ScorerAnswers.generate_until",
            lambda _, requests, right=right: [
                answers[r.args[0]] if right else "x" for r in requests
            ],
        )
        rows = compare(ask_benchmarks(tiny_model("llama", tokenizer), tokenizer, loaded))
        assert [(row.metric, row.tuned) for row in rows] == [("pass@1", float(right))] * len(names)


def test_programs_are_stopped() -> None:
    assert passes("print('hello')", "py")
    assert not passes("raise SystemExit(3)", "py")
    assert not passes("while True: pass", "py", seconds=0.5)
    assert not passes("x = bytearray(6 * 2**30)", "py")


# Broken by: pairing with zeros although a base is given.
def test_two_models_are_paired(tokenizer: Any, tmp_path: Path) -> None:
    written = files.write_all(tmp_path)
    loaded = [load_benchmark(Benchmark(name, written[name])) for name in ("mmlu", "lambada")]
    heard: list[tuple[str, int, int]] = []
    one, two = (
        ask_benchmarks(
            tiny_model("llama", tokenizer, seed), tokenizer, loaded,
            heard=lambda *told: heard.append(told),
        )
        for seed in (0, 1)
    )  # fmt: skip
    assert {name for name, _, _ in heard} == {"mmlu", "lambada"}
    same = compare(one, one)
    assert [(row.benchmark, row.metric) for row in same] == [
        ("mmlu", "acc"), ("lambada", "perplexity"), ("lambada", "acc"),
    ]  # fmt: skip
    assert all(row.delta == 0 and row.ci95[0] <= 0 <= row.ci95[1] for row in same)
    assert same[1].ci95 == (0, 0)
    mmlu, perplexity, _ = compare(two, one)
    # Two subjects are too few to draw from: items apart.
    assert (mmlu.n, mmlu.clusters, perplexity.clusters) == (9, 9, 6)
    assert perplexity.better == "lower"
    assert perplexity.delta == pytest.approx(perplexity.tuned - perplexity.base)
    assert perplexity.ci95[0] < perplexity.delta < perplexity.ci95[1]
    alone = compare(two)[1]
    assert (alone.base, alone.delta) == (None, None)
    assert alone.tuned == pytest.approx(perplexity.tuned)
    assert alone.ci95[0] < alone.tuned < alone.ci95[1]


def test_unknown_names_and_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserInputError, match=r"no task of that name; the nearest are:.*hellaswag"):
        load_benchmark(Benchmark("hellaswagg"))
    import datasets

    def unreachable(*_: Any, **__: Any) -> None:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    with pytest.raises(UserInputError, match=r"no route to host.*piqa=PATH"):
        load_benchmark(Benchmark("piqa"))
