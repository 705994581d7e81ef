"""Fused blocks take the place of layers that compute the same, and of no others."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import Any

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention as sdpa
from transformers.models.llama import modeling_llama

from steep.training import attention
from steep.training.attention import layout_of, segment_attention
from steep.training.fused import FusedBlocks
from steep.training.linear import FastLinears
from steep.training.loss import PackedLoss, Way, _probe
from steep.training.norm import Norm
from steep.training.rotary import rotate
from tests.tiny import SIZES, Kind, random_model, tiny_model, tiny_tokenizer
from tests.training.corpus import make_model, make_recipe


def _fused(model: Any) -> dict[str, int]:
    blocks = FusedBlocks(model, FastLinears(model, torch.float32))
    return dict(Counter(type(block).__name__ for _, block in blocks.blocks))


# Broken by: trying only an offset of 0 or only SiLU (Gemma), or no norms of heads (Qwen3).
@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("llama", {"Norm": 5, "Attention": 2, "GatedMLP": 2}),
        ("qwen3", {"Norm": 9, "Attention": 2, "GatedMLP": 2}),
        ("gemma", {"Norm": 5, "Attention": 2, "GatedMLP": 2}),
        ("gpt2", {}),
    ],
    ids=str,
)
def test_known_blocks_are_taken_over(kind: Kind, method: str, expected: dict[str, int]) -> None:
    assert _fused(make_model(kind, make_recipe(method=method))) == expected


# Broken by: _agrees returning True.
def test_a_block_that_computes_something_else_keeps_its_forward(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = tiny_model("llama", tiny_tokenizer())

    def clamped(self: Any, x: torch.Tensor) -> torch.Tensor:
        gate = self.act_fn(self.gate_proj(x)).clamp(max=1.0)
        result: torch.Tensor = self.down_proj(gate * self.up_proj(x))
        return result

    def capped(q: Any, k: Any, cos: Any, sin: Any, unsqueeze_dim: int = 1) -> Any:
        return q * 0.99, k

    monkeypatch.setattr(modeling_llama.LlamaMLP, "forward", clamped)
    monkeypatch.setattr(modeling_llama, "apply_rotary_pos_emb", capped)
    assert _fused(model) == {"Norm": 5}


# Broken by: no look at what a module drops, which a comparison without dropout can't see.
def test_a_block_that_drops_something_keeps_its_forward() -> None:
    from transformers import SeedOssConfig

    def found(rate: float) -> dict[str, int]:
        sizes = {**SIZES, "vocab_size": 64, "head_dim": 8}
        return _fused(random_model(SeedOssConfig(**sizes, residual_dropout=rate)))

    assert found(0.0) == {"Norm": 5, "Attention": 2, "GatedMLP": 2}
    assert found(0.1) == {"Norm": 5}


# Broken by: hasattr alone: it has a weight, and that is None.
def test_a_norm_without_a_weight_is_left_alone() -> None:
    from transformers import DiffLlamaConfig

    assert _fused(random_model(DiffLlamaConfig(vocab_size=64, **SIZES)))["Norm"] == 5


# Broken by: taking scale or window from anywhere but the module's own call.
def test_scale_and_window_are_what_the_module_asks_for() -> None:
    from transformers import MistralConfig

    config = MistralConfig(vocab_size=64, head_dim=8, sliding_window=3, **SIZES)
    model = random_model(config)
    model.model.layers[0].self_attn.scaling = 0.7
    blocks = FusedBlocks(model, FastLinears(model, torch.float32)).blocks
    found = [(b.scale, b.window) for _, b in blocks if type(b).__name__ == "Attention"]
    assert found == [(0.7, 3), (8**-0.5, 3)]


# Broken by: a norm's gradient without the part along its input.
def test_half_precision_gives_what_the_layers_give_in_it() -> None:
    found = {}
    for linear in ("plain", "stacked", "fused"):
        model = make_model("llama", make_recipe(method="lora"))
        rows = _probe(model.config.vocab_size, (40, 23), model.device)
        way = Way("segments", "chunked", linear)  # type: ignore[arg-type]
        with closing(PackedLoss(model, way, torch.bfloat16)) as loss:
            loss.begin_step()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                value = loss(rows)
            value.backward()
        gradients = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
        found[linear] = (float(value.detach()), torch.cat(gradients))
    for linear in ("stacked", "fused"):
        assert found[linear][0] == pytest.approx(found["plain"][0], rel=2e-3)
        off = (found[linear][1] - found["plain"][1]).norm() / found["plain"][1].norm()
        assert off < 0.03, linear


# Broken by: a norm that hands its result on in fp32.
def test_a_norm_hands_on_what_the_products_take() -> None:
    model = tiny_model("llama", tiny_tokenizer())
    blocks = FusedBlocks(model, FastLinears(model, torch.bfloat16)).blocks
    norm = next(block for _, block in blocks if isinstance(block, Norm))
    assert norm(torch.ones(1, 2, 32)).dtype == torch.bfloat16


def test_the_model_gets_its_own_forward_back() -> None:
    model = tiny_model("llama", tiny_tokenizer())
    ids = torch.arange(2, 12)[None]
    expected = model(input_ids=ids).logits
    with closing(PackedLoss(model, Way("segments", "chunked", "fused"))) as loss:
        loss.begin_step()
        # Without segments, as in generation, a taken-over attention does what it always did.
        assert torch.allclose(model(input_ids=ids).logits, expected, atol=1e-5)
    assert all("forward" not in vars(module) for module in model.modules())
    assert torch.equal(model(input_ids=ids).logits, expected)


# Broken by: the halves of sin not exchanged on the way back.
def test_a_rotation_is_taken_back_by_its_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    x, dy = torch.randn(2, 5, 3, 8, generator=generator)
    cos, sin = torch.randn(2, 1, 5, 8, generator=generator)
    x.requires_grad_()
    rotate(x, cos, sin).backward(dy)
    assert x.grad is not None
    assert torch.allclose(x.grad, rotate(dy, cos, -sin.roll(4, -1)), atol=1e-6)


# Broken by: padding counted from the shortest, or rows of another head.
@pytest.mark.parametrize("lengths", [[5], [1, 1, 2], [3, 3, 40, 41, 300], [1, 500], [7] * 20])
def test_padding_and_back_is_what_was_there(lengths: list[int]) -> None:
    layout = layout_of(lengths, torch.device("cpu"))
    assert sum(bucket.tokens for bucket in layout) == sum(lengths)
    x = torch.arange(sum(lengths) * 6.0).view(-1, 3, 2)
    begin = 0
    numbers = iter(lengths)
    for bucket in layout:
        here = x[begin : begin + bucket.tokens]
        padded = bucket.pad(here)
        assert torch.equal(bucket.unpad(padded, 3), here)
        assert torch.equal(
            bucket.pad(here, slice(1, 2)), padded.view(-1, 3, *padded.shape[1:])[:, 1]
        )
        at = begin
        for segment in bucket.clear_padding(padded.clone()).view(-1, 3, *padded.shape[1:]):
            size = next(numbers)
            assert torch.equal(segment[:, :size], x[at : at + size].transpose(0, 1))
            assert not segment[:, size:].any()
            at += size
        begin += bucket.tokens
    assert len(layout) == (2 if lengths in ([3, 3, 40, 41, 300], [1, 500]) else 1)


# Broken by: leaving out clear_padding in _BucketAttention.backward.
def test_gradients_of_padded_segments_are_those_of_each_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    lengths = [2, 3, 7]
    q = torch.randn(1, 4, 12, 8, generator=generator, requires_grad=True)
    k, v = (torch.randn(1, 2, 12, 8, generator=generator, requires_grad=True) for _ in range(2))
    dout = torch.randn(1, 12, 4, 8, generator=generator)
    out, _ = segment_attention(
        torch.nn.Identity(), q, k, v, None, segment_layout=layout_of(lengths, q.device)
    )
    found = torch.autograd.grad(out, (q, k, v), dout)
    parts = zip(*(torch.split(x, lengths, 2) for x in (q, k, v)), strict=True)
    alone = torch.cat([sdpa(*part, is_causal=True, enable_gqa=True) for part in parts], 2)
    expected = torch.autograd.grad(alone, (q, k, v), dout.transpose(1, 2))
    assert torch.allclose(out.transpose(1, 2), alone, atol=1e-5)
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


# Broken by: leaving the shares out of dv or of dweight, or not making the rest larger.
@pytest.mark.parametrize("window", [None, 4])
def test_dropped_attention_weights_and_their_gradients(
    window: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "_BLOCK", 5)
    generator = torch.Generator().manual_seed(0)
    q = torch.randn(4, 12, 8, generator=generator, requires_grad=True)
    k, v = (torch.randn(2, 12, 8, generator=generator, requires_grad=True) for _ in range(2))
    dout = torch.randn(4, 12, 8, generator=generator)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        with torch.no_grad():
            out, kept = attention.attend(q.clone(), k, v, 0.3, window, 0.25)
    blocks = attention._blocks(12, window)
    shares = kept[3 + len(blocks) :]
    assert len(shares) == len(blocks) == 3
    assert {float(x) for share in shares for x in share.flatten()} == {
        0.0,
        float(torch.tensor(1) / 0.75),
    }
    whole = torch.ones(4, 12, 12)
    for share, (begin, end, first) in zip(shares, blocks, strict=True):
        whole[:, begin:end, first:end] = share
    ahead = torch.arange(12)[None] - torch.arange(12)[:, None]
    blocked = (ahead > 0) | (ahead <= -window) if window else ahead > 0
    keys, values = (x.repeat_interleave(2, 0) for x in (k, v))
    scores = (0.3 * q @ keys.transpose(1, 2)).masked_fill(blocked, -torch.inf)
    expected = (torch.softmax(scores, -1) * whole) @ values
    assert torch.allclose(out, expected, atol=1e-5)
    wanted = torch.autograd.grad(expected, (q, k, v), dout)
    found = attention.attend_backward(dout, kept, 0.3, window)
    for one, other in zip(found, wanted, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


# Broken by: not handing dropout on to attend.
def test_training_drops_attention_weights_and_judging_does_not() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, v = torch.randn(3, 1, 2, 40, 8, generator=generator)
    layout = layout_of([40], q.device)

    def run(dropout: float) -> torch.Tensor:
        out, _ = segment_attention(
            torch.nn.Identity(), q, k, v, None, dropout=dropout, segment_layout=layout
        )
        return out

    with torch.random.fork_rng():
        torch.manual_seed(0)
        whole = run(0.0)
        assert torch.equal(run(0.0), whole)
        drawn = torch.stack([run(0.2) for _ in range(200)])
    assert not torch.equal(drawn[0], drawn[1])
    assert (drawn.mean(0) - whole).abs().mean() < 0.15 * (drawn[0] - whole).abs().mean()
