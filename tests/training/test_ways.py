"""Every way of computing packed rows gives what the documents give alone, or isn't taken."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from steep.corpus.schedule import Batch
from steep.model.adapters import make_trainable
from steep.training import attention, cross_entropy, fused, loss
from steep.training.cross_entropy import summed_cross_entropy
from steep.training.graph import fill
from steep.training.loss import PackedLoss, Way, _probe, choose_way, way_before, way_state
from tests.tiny import SIZES, Kind, random_model, tiny_model, tiny_tokenizer
from tests.training.corpus import (
    TEXTS,
    loss_alone,
    make_model,
    make_recipe,
    make_schedule,
    rows_of,
)

KINDS: list[Kind] = ["llama", "qwen3", "gemma", "gpt2"]
WAYS = [
    Way("segments", "chunked", "fused"),
    Way("segments", "chunked", "stacked"),
    Way("segments", "logits", "plain"),
    Way("mask", "chunked", "fused"),
    Way("mask", "chunked", "stacked"),
    Way("mask", "chunked", "plain"),
    Way("mask", "logits", "plain"),
    Way("alone", "logits", "plain"),
]
FAST = WAYS[0]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tiny_tokenizer(TEXTS)


@pytest.fixture(scope="module")
def batch(tokenizer: Any) -> Batch:
    schedule = make_schedule(tokenizer, rows=4, length=96)
    schedule.steps_for_epochs(1)
    return schedule.batch(0)


def _with_gradients(model: Any, loss: torch.Tensor) -> tuple[float, dict[str, torch.Tensor]]:
    loss.backward()  # type: ignore[no-untyped-call]
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad(set_to_none=True)
    return float(loss.detach()), found


def _assert_same(model: Any, way: Way, batch: Batch) -> None:
    with closing(PackedLoss(model, way)) as packed:
        packed.begin_step()
        found, gradients = _with_gradients(model, packed(rows_of(batch)))
    expected, wanted = _with_gradients(model, loss_alone(model, batch))
    assert found == pytest.approx(expected, rel=1e-5)
    assert gradients.keys() == wanted.keys()
    for name, gradient in gradients.items():
        scale = wanted[name].abs().max()
        assert (gradient - wanted[name]).abs().max() <= 1e-4 * scale, name


# Broken by: any of the three block bounds in _blocks, by dropping "* ctx.scale" in backward.
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_each_way_gives_the_documents_own_loss_and_gradients(
    kind: Kind, way: Way, tokenizer: Any, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "_BLOCK", 5)  # several blocks a document, the last one short
    monkeypatch.setattr(cross_entropy, "_MOST_LOGITS", 7 * len(tokenizer))
    monkeypatch.setattr(cross_entropy, "_ROWS", 3)
    _assert_same(tiny_model(kind, tokenizer), way, batch)


@pytest.mark.parametrize("way", WAYS[:-1], ids=str)
def test_adapters_and_a_tied_head_get_the_same_gradients(
    way: Way, tokenizer: Any, batch: Batch
) -> None:
    modules = ["all-linear", "embed_tokens", "lm_head"]
    model = make_model("llama", make_recipe(method="lora", target_modules=modules))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.1, generator=torch.Generator().manual_seed(1))
    _assert_same(model, way, batch)


# Broken by: filling up with targets, one segment number for padding and text, dropping ``kept``.
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", [w for w in WAYS if (w.packing, w.head) == ("mask", "chunked")])
def test_shapes_that_never_change_give_the_same(
    kind: Kind, way: Way, tokenizer: Any, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cross_entropy, "_MOST_LOGITS", 50 * len(tokenizer))
    model = tiny_model(kind, tokenizer)
    rows = rows_of(batch)
    count, length = rows["labels"].shape
    larger = {n: torch.full((count + 2, length + 9), 3, dtype=torch.int64) for n in rows}
    fill(larger, rows)
    with closing(PackedLoss(model, way, fixed_shapes=True)) as packed:
        packed.begin_step()
        found, gradients = _with_gradients(model, packed(larger))
    expected, wanted = _with_gradients(model, loss_alone(model, batch))
    assert found == pytest.approx(expected, rel=1e-5)
    for name, gradient in gradients.items():
        scale = wanted[name].abs().max()
        assert (gradient - wanted[name]).abs().max() <= 1e-4 * scale, name


# Broken by: windows counted from the wrong end in _blocked, or keys cut one too early in _blocks.
@pytest.mark.parametrize("window", [3, 8])
def test_a_sliding_window_is_kept(
    window: int, tokenizer: Any, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import MistralConfig

    monkeypatch.setattr(attention, "_BLOCK", 5)
    size = len(tokenizer)
    config = MistralConfig(vocab_size=size, head_dim=8, sliding_window=window, **SIZES)
    model = random_model(config)
    assert choose_way(model).packing == "segments"
    _assert_same(model, FAST, batch)


# Broken by: refusing dropout (GPT-2 drops attention weights while training), or Conv1D's layers.
@pytest.mark.parametrize("kind", KINDS)
def test_the_fastest_way_is_taken_where_it_is_right(kind: Kind, tokenizer: Any) -> None:
    model = tiny_model(kind, tokenizer)
    before = model.config._attn_implementation
    way = choose_way(model)
    assert way == FAST
    model.train()
    PackedLoss(model, way)(_probe(model.config.vocab_size, (5, 4), model.device)).backward()
    model.zero_grad(set_to_none=True)
    assert model.config._attn_implementation == before
    assert all(p.grad is None for p in model.parameters())


# Broken by: _agrees returning True.
@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_attention_that_leaks_is_not_taken(
    kind: Kind, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = attention.segment_attention

    def leak(module: Any, q: Any, k: Any, v: Any, mask: Any, **options: Any) -> Any:
        one = attention.layout_of([q.shape[2]], q.device)
        return own(module, q, k, v, mask, **{**options, "segment_layout": one})

    monkeypatch.setattr(attention, "segment_attention", leak)
    monkeypatch.setattr(fused, "_ATTENTION_PARTS", set())  # else it doesn't go through it
    assert choose_way(tiny_model(kind, tokenizer)) == Way("mask", "chunked", "plain")


def test_a_recurrent_model_is_not_packed(tokenizer: Any, batch: Batch) -> None:
    from transformers import MambaConfig

    config = MambaConfig(vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1)
    model = random_model(config)
    way = choose_way(model)
    assert way == Way("alone", "logits", "plain")
    _assert_same(model, way, batch)


# Broken by: a probe too short for the window (masks over rows know nothing of windows).
def test_a_window_that_a_mask_would_lose_is_noticed(
    tokenizer: Any, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import MistralConfig

    monkeypatch.setitem(loss._FIRST, "cpu", ())
    size = len(tokenizer)
    model = random_model(MistralConfig(vocab_size=size, head_dim=8, sliding_window=12, **SIZES))
    way = choose_way(model)
    assert way == Way("alone", "logits", "plain")
    _assert_same(model, way, batch)
    assert choose_way(model, longest=12) == Way("mask", "chunked", "plain")


# Broken by: probing without gradients (a projection's output can't be changed in place then).
def test_a_model_that_changes_projections_in_place_keeps_its_layers(
    tokenizer: Any, batch: Batch
) -> None:
    from transformers import OlmoConfig

    model = random_model(OlmoConfig(vocab_size=len(tokenizer), clip_qkv=0.05, **SIZES))
    tuned = make_trainable(model, make_recipe(method="lora"), seed=0)
    way = choose_way(tuned)
    assert way.linear == "plain"
    _assert_same(tuned, way, batch)


# Broken by: ways tried in fp32 alone, where full training makes no copies to be changed in place.
def test_ways_are_tried_in_the_precision_to_come(tokenizer: Any) -> None:
    from transformers import OlmoConfig

    model = random_model(OlmoConfig(vocab_size=len(tokenizer), clip_qkv=0.05, **SIZES))
    way = choose_way(model, dtype=torch.bfloat16)
    assert way.linear == "plain"
    assert choose_way(model).linear != "plain"
    with closing(PackedLoss(model, way, torch.bfloat16)) as packed:
        packed.begin_step()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            packed(_probe(len(tokenizer), (9, 5), model.device)).backward()


# Broken by: a probe that no segment of which is longer than where positions begin to turn faster.
@pytest.mark.parametrize("kind", ["dynamic", "longrope"])
def test_positions_that_turn_faster_in_long_rows_are_noticed(kind: str, tokenizer: Any) -> None:
    from transformers import LlamaConfig, Phi3Config

    sizes = {**SIZES, "vocab_size": len(tokenizer), "pad_token_id": 1}
    rope: dict[str, Any] = {"rope_type": kind, "factor": 4.0, "rope_theta": 10000.0}
    known = {"original_max_position_embeddings": 24}
    factors = {"short_factor": [1.0] * 4, "long_factor": [4.0] * 4, **known}
    config: Any = (
        LlamaConfig(**{**sizes, "max_position_embeddings": 24}, rope_parameters=rope)
        if kind == "dynamic"
        else Phi3Config(**sizes, **known, rope_parameters={**rope, **factors})
    )
    model = random_model(config)
    assert choose_way(model, longest=64) == Way("alone", "logits", "plain")
    assert choose_way(model, longest=24).packing == "segments"


# Broken by: sending long segments through the blocks, or by another scale in their stead.
def test_long_segments_are_left_to_the_kernel(
    tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "_LONGEST", 8)
    monkeypatch.setattr(attention, "attend", None)
    model = tiny_model("llama", tokenizer)
    with closing(PackedLoss(model, FAST)) as packed:
        packed.begin_step()
        found = packed(_probe(len(tokenizer), (20, 9), model.device))
    monkeypatch.undo()
    with closing(PackedLoss(model, FAST)) as packed:
        packed.begin_step()
        expected = packed(_probe(len(tokenizer), (20, 9), model.device))
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)


def test_a_capped_head_takes_its_own_logits(tokenizer: Any, batch: Batch) -> None:
    from transformers import Gemma2Config

    config = Gemma2Config(
        vocab_size=len(tokenizer), head_dim=8, final_logit_softcapping=1.0, **SIZES
    )
    model = random_model(config, attn_implementation="eager")
    way = choose_way(model)
    assert way.head == "logits"
    _assert_same(model, way, batch)


def test_attention_it_cannot_do_is_refused(tokenizer: Any) -> None:
    q = torch.zeros(1, 2, 3, 4)
    module = torch.nn.Identity()
    layout = attention.layout_of([3], q.device)
    for options in ({"position_bias": q}, {"softcap": 5.0}, {"s_aux": q}):
        with pytest.raises(attention.UnsupportedAttention):
            attention.segment_attention(module, q, q, q, None, segment_layout=layout, **options)
    with pytest.raises(attention.UnsupportedAttention):
        attention.segment_attention(module, q, q, q, q)


def test_attention_is_given_back_after_an_error(tokenizer: Any, batch: Batch) -> None:
    model = tiny_model("llama", tokenizer)
    rows = {**rows_of(batch)}
    rows["input_ids"] = rows["input_ids"] + 10_000
    with pytest.raises(IndexError):
        PackedLoss(model, FAST)(rows)
    assert model.config._attn_implementation == "sdpa"


# Broken by: adding instead of subtracting the one-hot row, or by scaling only one gradient.
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_cross_entropy_and_its_gradients(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cross_entropy, "_MOST_LOGITS", 50 * 7)
    monkeypatch.setattr(cross_entropy, "_ROWS", 4)
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(19, 8, generator=generator).to(dtype).requires_grad_()
    weight = torch.randn(50, 8, generator=generator).requires_grad_()
    targets = torch.randint(0, 50, (19,), generator=generator)
    chunked = summed_cross_entropy(hidden, weight, targets)
    (3 * chunked).backward()  # type: ignore[no-untyped-call]
    found = [hidden.grad, weight.grad]
    hidden.grad = weight.grad = None
    plain = F.cross_entropy(hidden.float() @ weight.t(), targets, reduction="sum")
    (3 * plain).backward()  # type: ignore[no-untyped-call]
    tolerance = 1e-5 if dtype == torch.float32 else 3e-2
    assert chunked.item() == pytest.approx(plain.item(), rel=tolerance)
    assert chunked.dtype == torch.float32
    for one, other in zip(found, [hidden.grad, weight.grad], strict=True):
        assert one is not None
        assert other is not None
        assert one.dtype == other.dtype
        assert (one - other).abs().max() <= tolerance * other.abs().max()


# Broken by: the way of before taken over whatever the precision is now.
def test_in_fp16_no_gradient_is_taken_before_the_loss_is_scaled() -> None:
    model = make_model("llama", make_recipe())
    way = choose_way(model)
    assert way.head == "chunked"
    state = way_state(model, way)
    assert way_before(model, state, torch.bfloat16) == way
    assert way_before(model, state, torch.float16) is None
    assert choose_way(model, dtype=torch.float16).head == "logits"
