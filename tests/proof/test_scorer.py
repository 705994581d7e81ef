"""The three verbs: equal to naive scoring, whatever the batch, and without side effects."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from steep.errors import ModelError, UserInputError
from steep.proof import forward, generation
from steep.proof.perplexity import bits_per_byte, evaluate_perplexity
from steep.proof.scorer import Choices, ContinuationScore, Scorer, TextScore
from tests.tiny import Kind, tiny_model, tiny_tokenizer

KINDS: tuple[Kind, ...] = ("llama", "qwen3", "gpt2", "gemma")
TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    "Paris",
    "Zażółć gęślą jaźń, हिन्दी, 東京。",
    "Who founded the company in 1987? Nobody knows; " * 3,
    "",
]
REQUESTS = [
    Choices("Question: Who is it?\nAnswer:", (" Paris", " London is great", " 1987", " x y z")),
    Choices("Answer:", (" fox", " a b c d e f g h")),
    Choices("", (" dog", "cat")),
    Choices("Question: " + "lazy " * 12 + "?\nAnswer:", tuple(f" option {n}" for n in range(10))),
]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tiny_tokenizer()


def logprobs(model: Any, ids: list[int]) -> list[float]:
    """Log-probability of ids[1:], each by plain log-softmax over one unpadded sequence."""
    with torch.no_grad():
        table = model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    return [float(table[place - 1, ids[place]]) for place in range(1, len(ids))]


def first_choices(model: Any, ids: list[int]) -> list[int]:
    """The model's first choice after each of ids."""
    with torch.no_grad():
        return [int(token) for token in model(torch.tensor([ids])).logits[0].argmax(-1)]


def naive(model: Any, tokenizer: Any, request: Choices) -> list[ContinuationScore]:
    found = []
    for text in request.continuations:
        prompt = tokenizer.encode(request.prompt) or [tokenizer.eos_token_id]
        option = tokenizer.encode(text)
        values = logprobs(model, prompt + option)[len(prompt) - 1 :]
        greedy = first_choices(model, prompt + option)[len(prompt) - 1 : -1] == option
        found.append(ContinuationScore(sum(values), len(option), greedy))
    return found


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("kind", KINDS)
def test_shared_prompts_equal_naive_scoring(kind: Kind, attention: str, tokenizer: Any) -> None:
    model = tiny_model(kind, tokenizer)
    model.set_attn_implementation(attention)
    scorer = Scorer(model, tokenizer)
    assert scorer.shares_prompts
    for request, scores in zip(REQUESTS, scorer.score_continuations(REQUESTS), strict=True):
        for expected, score in zip(naive(model, tokenizer, request), scores, strict=True):
            assert score.tokens == expected.tokens
            assert score.logprob == pytest.approx(expected.logprob, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_texts_equal_naive_scoring(kind: Kind, tokenizer: Any) -> None:
    model = tiny_model(kind, tokenizer)
    for text, score in zip(TEXTS, Scorer(model, tokenizer).score_texts(TEXTS), strict=True):
        ids = tokenizer.encode(text)
        assert score.tokens == max(len(ids) - 1, 0)
        assert score.bytes == len(text.encode())
        if len(ids) <= 128:
            expected = -sum(logprobs(model, ids)) if ids else 0.0
            assert score.nats == pytest.approx(expected, abs=1e-3)


def test_options_dont_see_each_other(tokenizer: Any) -> None:
    scorer = Scorer(tiny_model("llama", tokenizer), tokenizer)
    (one,) = scorer.score_continuations([Choices("Answer:", (" fox", " Paris"))])
    (two,) = scorer.score_continuations([Choices("Answer:", (" dog jumps", " Paris"))])
    assert one[1].logprob == pytest.approx(two[1].logprob, abs=1e-5)


@pytest.mark.parametrize("size", [40, 150, 2048])
def test_batches_dont_matter(size: int, tokenizer: Any) -> None:
    model = tiny_model("llama", tokenizer)
    whole, small = Scorer(model, tokenizer), Scorer(model, tokenizer, max_batch_tokens=size)
    alone = [whole.score_texts([text])[0] for text in TEXTS]
    for expected, score in zip(alone, small.score_texts(TEXTS[::-1])[::-1], strict=True):
        assert (score.tokens, score.bytes) == (expected.tokens, expected.bytes)
        assert score.nats == pytest.approx(expected.nats, abs=1e-3)
    separate = [whole.score_continuations([request])[0] for request in REQUESTS]
    together = small.score_continuations(REQUESTS[::-1])[::-1]
    for first, second in zip(separate, together, strict=True):
        assert [s.logprob for s in first] == pytest.approx([s.logprob for s in second], abs=1e-4)
    prompts = [request.prompt for request in REQUESTS]
    greedy = [whole.generate([prompt], max_new_tokens=9)[0] for prompt in prompts]
    assert small.generate(prompts, max_new_tokens=9) == greedy
    assert small.generate(prompts[::-1], max_new_tokens=9) == greedy[::-1]


def test_windows_predict_each_token_once(tokenizer: Any) -> None:
    model = tiny_model("llama", tokenizer)
    text = "The company was founded by Who in Paris. " * 8
    ids = tokenizer.encode(text)
    for max_length in (2, 7, 16, len(ids) - 1, len(ids), len(ids) + 1):
        (score,) = Scorer(model, tokenizer, max_length=max_length).score_texts([text])
        assert score.tokens == len(ids) - 1
        expected = 0.0
        for start in range(0, len(ids) - 1, max_length - 1):
            expected -= sum(logprobs(model, ids[start : start + max_length]))
        assert score.nats == pytest.approx(expected, abs=1e-3)


def test_a_bos_of_the_tokenizer_predicts_the_first_token(tokenizer: Any) -> None:
    from tokenizers.processors import TemplateProcessing

    special = tiny_tokenizer()
    special.backend_tokenizer.post_processor = TemplateProcessing(
        single="<pad> $A <eos>", special_tokens=[("<pad>", 1), ("<eos>", 0)]
    )
    assert special.encode("fox")[0] == 1 and special.encode("fox")[-1] == 0
    model = tiny_model("llama", tokenizer)
    (score,) = Scorer(model, special).score_texts(["The fox"])
    ids = [1, *tokenizer.encode("The fox")]
    assert score.tokens == len(ids) - 1
    assert score.nats == pytest.approx(-sum(logprobs(model, ids)), abs=1e-4)


def test_a_whole_text_is_scored_behind_a_line_break(tokenizer: Any) -> None:
    model = tiny_model("llama", tokenizer)
    (score,) = Scorer(model, tokenizer).score_texts(["The fox"], whole=True)
    ids = tokenizer.encode("The fox")
    assert score.tokens == len(ids)
    before = tokenizer.encode("\n")
    assert score.nats == pytest.approx(-sum(logprobs(model, [*before, *ids])), abs=1e-4)


def test_a_model_that_ignores_the_mask_is_scored_naively(
    tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_model("llama", tokenizer)
    expected = Scorer(model, tokenizer).score_continuations(REQUESTS)
    body, plain = model.get_decoder(), model.get_decoder().forward

    def deaf(
        input_ids: Any = None, attention_mask: Any = None, position_ids: Any = None, **rest: Any
    ) -> Any:
        if attention_mask is not None and attention_mask.dim() == 4:
            attention_mask = position_ids = None
        return plain(
            input_ids=input_ids, attention_mask=attention_mask, position_ids=position_ids, **rest
        )

    monkeypatch.setattr(body, "forward", deaf)
    scorer = Scorer(model, tokenizer)
    assert not scorer.shares_prompts
    for one, two in zip(expected, scorer.score_continuations(REQUESTS), strict=True):
        assert [s.logprob for s in one] == pytest.approx([s.logprob for s in two], abs=1e-4)


def test_a_soft_cap_on_the_logits_is_honoured(tokenizer: Any) -> None:
    from transformers import AutoModelForCausalLM, Gemma2Config

    config = Gemma2Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, head_dim=8, max_position_embeddings=128,
        final_logit_softcapping=2.0, sliding_window=16, bos_token_id=None, eos_token_id=0,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config).eval()
        torch.nn.init.normal_(model.get_input_embeddings().weight, std=1.0)
    scorer = Scorer(model, tokenizer)
    scores = scorer.score_continuations(REQUESTS)
    for request, row in zip(REQUESTS, scores, strict=True):
        expected = [score.logprob for score in naive(model, tokenizer, request)]
        assert [score.logprob for score in row] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("targets", ["all-linear", ["q_proj", "embed_tokens", "lm_head"]])
def test_adapters_are_seen(targets: Any, tokenizer: Any) -> None:
    peft = pytest.importorskip("peft")
    model = tiny_model("qwen3", tokenizer)
    plain = Scorer(model, tokenizer).score_continuations(REQUESTS)
    config = peft.LoraConfig(r=4, target_modules=targets, init_lora_weights=False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        adapted = peft.get_peft_model(model, config)
    scores = Scorer(adapted, tokenizer).score_continuations(REQUESTS)
    adapted.eval()
    for request, row, before in zip(REQUESTS, scores, plain, strict=True):
        expected = [score.logprob for score in naive(adapted, tokenizer, request)]
        assert [score.logprob for score in row] == pytest.approx(expected, abs=1e-4)
        assert row != before


def test_logits_are_made_in_chunks(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama", tokenizer)
    expected = (
        Scorer(model, tokenizer).score_texts(TEXTS),
        Scorer(model, tokenizer).score_continuations(REQUESTS),
    )
    monkeypatch.setattr(forward, "LOGITS_BYTES", 4 * len(tokenizer) * 3)
    seen: list[int] = []
    hook = model.lm_head.register_forward_hook(lambda *a: seen.append(a[2].shape[:-1].numel()))
    scorer = Scorer(model, tokenizer)
    seen.clear()
    found = scorer.score_texts(TEXTS), scorer.score_continuations(REQUESTS)
    hook.remove()
    assert max(seen) == 3
    for one, two in zip(expected[0], found[0], strict=True):
        assert one.nats == pytest.approx(two.nats, abs=1e-3)
    for row, other in zip(expected[1], found[1], strict=True):
        assert [s.logprob for s in row] == pytest.approx([s.logprob for s in other], abs=1e-4)


def test_nothing_is_disturbed(tokenizer: Any) -> None:
    import random

    import numpy as np

    model = tiny_model("gpt2", tokenizer).train()
    model.get_decoder().h[0].eval()
    modes = [module.training for module in model.modules()]
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()
    scorer = Scorer(model, tokenizer)
    scorer.score_texts(TEXTS)
    scorer.score_continuations(REQUESTS)
    scorer.generate(["The", "Paris is"], max_new_tokens=5, temperature=1.0, seed=1)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == random.getstate()
    assert all(np.array_equal(a, b) for a, b in zip(before[2], np.random.get_state(), strict=True))
    assert modes == [module.training for module in model.modules()]
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in weights.items())
    loss = model(input_ids=torch.tensor([[3, 4, 5]]), labels=torch.tensor([[3, 4, 5]])).loss
    loss.backward()
    assert all(p.grad is not None for p in model.parameters())


def test_modes_come_back_after_an_error(tokenizer: Any) -> None:
    model = tiny_model("llama", tokenizer).train()
    with torch.no_grad():
        model.get_input_embeddings().weight.fill_(math.nan)
    with pytest.raises(ModelError, match="finite"):
        Scorer(model, tokenizer).score_texts(["The quick fox"])
    assert all(module.training for module in model.modules())


def test_greedy_decoding_is_the_models_own(tokenizer: Any) -> None:
    model = tiny_model("llama", tokenizer)
    model.generation_config.do_sample = True
    model.generation_config.repetition_penalty = 5.0
    ids = tokenizer.encode("The quick brown")
    for _ in range(8):
        with torch.no_grad():
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    expected = tokenizer.decode(ids[-8:])
    assert Scorer(model, tokenizer).generate(["The quick brown"], max_new_tokens=8) == [expected]


def test_generation_stops(tokenizer: Any) -> None:
    model = tiny_model("llama", tokenizer)
    scorer = Scorer(model, tokenizer)
    (whole,) = scorer.generate(["The quick brown"], max_new_tokens=12)
    stop = whole[3:5]
    (cut,) = scorer.generate(["The quick brown"], max_new_tokens=12, stop=stop)
    assert cut == whole[: whole.index(stop)]
    with torch.no_grad():
        ids = torch.tensor([tokenizer.encode("The quick brown")])
        end = int(model(ids).logits[0, -1].argmax())
    model.generation_config.eos_token_id = [end]
    assert scorer.generate(["The quick brown"], max_new_tokens=12) == [""]
    (forced,) = scorer.generate(["The quick brown"], max_new_tokens=12, min_new_tokens=1)
    assert forced


def test_blank_beginnings_can_be_passed_over(
    tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = Scorer(tiny_model("llama", tokenizer), tokenizer)
    line, word, end = (tokenizer.encode(text)[0] for text in ("\n", "Paris", "\n"))
    said = iter([line, line, word, end] * 2)
    monkeypatch.setattr("steep.proof.generation._pick", lambda *_: [next(said)])
    assert scorer.generate(["The"], max_new_tokens=4, stop="\n") == [""]
    said = iter([line, line, word, end])
    (text,) = scorer.generate(["The"], max_new_tokens=4, stop="\n", skip_blank=True)
    assert text == "\n\n" + tokenizer.decode([word])


def test_sampling_is_private_and_repeatable(tokenizer: Any) -> None:
    scorer = Scorer(tiny_model("llama", tokenizer), tokenizer)
    one = scorer.generate(["The"] * 6, max_new_tokens=8, temperature=1.5, seed=7)
    assert one == scorer.generate(["The"] * 6, max_new_tokens=8, temperature=1.5, seed=7)
    assert one != scorer.generate(["The"] * 6, max_new_tokens=8, temperature=1.5, seed=8)
    assert len(set(one)) > 1


def test_recitation_is_what_decoding_would_give(tokenizer: Any) -> None:
    model = tiny_model("llama", tokenizer)
    ids = tokenizer.encode("The quick brown")
    with torch.no_grad():
        for _ in range(6):
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    changed = [*ids[:-1], (ids[-1] + 1) % len(tokenizer)]
    assert Scorer(model, tokenizer).recites([ids, changed], len(ids) - 6) == [True, False]


def test_long_prompts_lose_their_beginning(tokenizer: Any) -> None:
    model = tiny_model("gpt2", tokenizer)
    long = "The lazy dog jumps. " * 40
    scorer = Scorer(model, tokenizer)
    assert scorer.max_length == 128
    (scores,) = scorer.score_continuations([Choices(long.strip(), (" Paris", " the fox"))])
    assert all(math.isfinite(score.logprob) for score in scores)
    assert len(scorer.generate([long], max_new_tokens=4)) == 1
    with pytest.raises(UserInputError, match="continuation"):
        scorer.score_continuations([Choices("Answer:", ("",))])


# Broken by: padding that counts on where the longest tree of a batch ends.
def test_a_tree_may_hold_more_than_the_model_reads(tokenizer: Any) -> None:
    model = tiny_model("gpt2", tokenizer)
    many = Choices("Who?", tuple(f" {n} jumps over the lazy dog" * 2 for n in range(24)))
    scorer = Scorer(model, tokenizer, max_batch_tokens=2048)
    (row,) = scorer.trees(scorer.encoder.choices(many.prompt, many.continuations, 0, 128))
    assert len(row.tokens) > scorer.max_length
    for request, scores in zip(
        [many, REQUESTS[1]], scorer.score_continuations([many, REQUESTS[1]]), strict=True
    ):
        for score, expected in zip(scores, naive(model, tokenizer, request), strict=True):
            assert score.logprob == pytest.approx(expected.logprob, abs=1e-4)


def test_perplexity_and_bits(tokenizer: Any) -> None:
    model = tiny_model("llama", tokenizer)
    (score,) = Scorer(model, tokenizer).score_texts([TEXTS[0]])
    expected = math.exp(score.nats / score.tokens)
    assert evaluate_perplexity(model, tokenizer, [TEXTS[0]]) == pytest.approx(expected)
    assert evaluate_perplexity(model, tokenizer, TEXTS[0]) == pytest.approx(expected)
    assert bits_per_byte([TextScore(math.log(2) * 10, 3, 5)]) == pytest.approx(2.0)
    with pytest.raises(UserInputError, match="no token"):
        evaluate_perplexity(model, tokenizer, [""])


def test_the_first_of_several_stops_counts(tokenizer: Any) -> None:
    decoding = generation.Decoding(9, stops=("fox", "quick"))
    made = tokenizer.encode("The quick brown")
    last = tokenizer.encode(" fox")[0]
    assert generation._finish(tokenizer, made, last, set(), decoding) == "The "
