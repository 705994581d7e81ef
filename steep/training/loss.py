"""The loss of packed rows: summed over target tokens, each segment alone with itself.

Segments packed into a row never see each other: attention is blocked, positions start again, and
no segment's first token is predicted from its neighbour. Positions alone would not do
(trl#6843, nanoVLM#204).

There are several ways to compute it, equal in what they give and unequal in speed. Before
training, ``choose_way`` asks the fastest ways in turn whether they give the loss of two documents
run alone on this very model, and takes the first that does: a model with an attention, a head or
a memory of its own (a recurrent one, say) gets a slower way, never a wrong answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F

from steep.corpus.schedule import IGNORED
from steep.model.context import turning_lengths
from steep.training import attention
from steep.training.cross_entropy import summed_cross_entropy
from steep.training.fused import FusedBlocks
from steep.training.linear import FastLinears
from steep.training.replay_kl import (
    NO_PLACE,
    BaseReference,
    Divergence,
    divergence_of_logits,
    summed_divergence,
    summed_loss_with_divergence,
)
from steep.training.rows import Rows, alone, at_targets, before_each, flatten, segment_mask

# The probe's two documents, and how far their loss may be off (nats a token, fp32). A document
# that sees its neighbour is off by more, even in a model that was never trained.
_PROBE_LENGTHS = (11, 6)
_PROBE_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Way:
    """How packed rows are computed.

    Attributes:
        packing: "segments" multiplies only within segments, "mask" blocks the rest by a mask over
            whole rows, "alone" gives each segment a row of its own, without packing.
        head: "chunked" takes loss and gradient from hidden states chunk by chunk, "logits" from
            the model's own logits.
        linear: "stacked" has layers of one input in one product and their adapters beside it,
            "fused" also has norms, gated MLPs and attentions in one step each, "plain" leaves the
            layers to themselves.
    """

    packing: Literal["segments", "mask", "alone"]
    head: Literal["chunked", "logits"]
    linear: Literal["fused", "stacked", "plain"]


_ON_CPU = (
    Way("segments", "chunked", "fused"),
    Way("segments", "chunked", "stacked"),
    Way("segments", "logits", "fused"),
    Way("segments", "logits", "stacked"),
    Way("segments", "chunked", "plain"),
    Way("segments", "logits", "plain"),
)
# A GPU runs what a step launches faster than Python launches it: few kernels, and shapes that don't
# depend on where segments end, so that a step can be captured (``graph.py``).
_ON_CUDA = (Way("mask", "chunked", "fused"), Way("mask", "chunked", "stacked"))
_ANYWHERE = (Way("mask", "chunked", "plain"), Way("mask", "logits", "plain"))
_LAST = Way("alone", "logits", "plain")
_FIRST = {"cpu": _ON_CPU, "cuda": _ON_CUDA}


class PackedLoss(torch.nn.Module):
    """Negative log-likelihood summed (not averaged) over the target tokens of some rows.

    Called with int64 tensors [rows, length]: input_ids, labels (unshifted, -100 = no target),
    segments, position_ids. Gives a scalar in nats, fp32. Call ``begin_step`` before the first
    micro-batch of each optimizer step, and ``close`` to leave the model as it was.
    """

    def __init__(
        self,
        model: Any,
        way: Way,
        dtype: torch.dtype = torch.float32,
        *,
        reference: BaseReference | None = None,
        kl_coef: float = 0.0,
        kl_only: bool = False,
        fixed_shapes: bool = False,
    ) -> None:
        """
        Args:
            dtype: the working precision: that of autocast if it is on, else the weights'.
            fixed_shapes: let no tensor's shape depend on what the rows hold. Only for rows behind
                a mask whose loss is taken in chunks.
            reference: the base's predictions on replay, if ``kl_coef`` times the divergence from
                them is to be added; rows then have ``places`` too (``BaseReference.places``), and
                with fixed shapes ``base_ids`` and ``base_logprobs`` (``BaseReference.at``).
            kl_only: that takes the place of the loss on replay.
        """
        super().__init__()
        self._reference, self._kl_coef = reference, kl_coef
        self._kl_only, self._fixed_shapes = kl_only, fixed_shapes
        self.divergences: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.model = model
        self.way = way
        self._linears: FastLinears | None = None
        self._blocks: FusedBlocks | None = None
        if way.linear != "plain":
            self._linears = FastLinears(model, dtype)
            if way.linear == "fused":
                self._blocks = FusedBlocks(model, self._linears)

    def begin_step(self) -> None:
        """Bring what is derived from the parameters up to date."""
        if self._linears is not None:
            self._linears.install()
            self._linears.rebuild()
        if self._blocks is not None:
            self._blocks.install()

    def close(self) -> None:
        """Give the model its own forward back."""
        self.step_aside()
        if self._linears is not None:
            self._linears.forget()

    def step_aside(self) -> None:
        """Give the model its own forward back, but keep what was derived from the parameters."""
        if self._linears is not None:
            self._linears.remove()
        if self._blocks is not None:
            self._blocks.remove()

    @property
    def inner(self) -> Any:
        """The transformers model inside all wrappers."""
        return _inner(self.model)

    def attention(self) -> AbstractContextManager[None]:
        """The attention this way computes with, for layers called outside ``forward``."""
        packed = self.way.packing == "segments"
        return attention.by_segments(self.inner) if packed else nullcontext()

    def take_divergence(self) -> tuple[float, int]:
        """Nats of divergence and the replay tokens they are of, since it was last asked."""
        found, self.divergences = self.divergences, []
        return sum(float(nats) for nats, _ in found), sum(int(tokens) for _, tokens in found)

    def forward(self, rows: Rows) -> torch.Tensor:
        """The summed loss of ``rows``, with their divergence from the base if that is wanted."""
        if self.way.packing == "alone":
            return torch.stack([self._alone_loss(row) for row in alone(rows)]).sum()
        flat, lengths = flatten(rows) if self.way.packing == "segments" else (rows, None)
        inner = _inner(self.model)
        arguments: dict[str, Any] = {
            "input_ids": flat["input_ids"],
            "position_ids": flat["position_ids"],
            "use_cache": False,
        }
        if lengths is None:
            eager = getattr(inner.config, "_attn_implementation", "sdpa") == "eager"
            mask = segment_mask(rows["segments"], torch.float32 if eager else None)
            arguments["attention_mask"] = mask
        else:
            arguments["segment_layout"] = attention.layout_of(lengths, rows["labels"].device)
        with self.attention():
            if self.way.head == "logits":
                return self._loss_of_logits(inner(**arguments).logits, flat)
            hidden = inner.base_model(**arguments).last_hidden_state
        if self._fixed_shapes:
            hidden, wanted = before_each(hidden, flat["labels"])
        else:
            hidden, wanted = at_targets(hidden, flat["labels"])
        device = hidden.device.type
        if torch.is_autocast_enabled(device):
            hidden = hidden.to(torch.get_autocast_dtype(device))
        weight = _head_weight(inner)
        if self._reference is None:
            return summed_cross_entropy(hidden, weight, wanted, some_ignored=self._fixed_shapes)
        if self._fixed_shapes:
            return self._with_divergence(hidden, weight, wanted, flat)
        chosen, ids, logprobs = self._replay(flat)
        mine = self._with_own_loss(chosen)
        loss = summed_cross_entropy(hidden[mine], weight, wanted[mine])
        return loss + self._weighed(summed_divergence(hidden[chosen], weight, ids, logprobs), ids)

    def _with_divergence(
        self, hidden: torch.Tensor, weight: torch.Tensor, wanted: torch.Tensor, rows: Rows
    ) -> torch.Tensor:
        """The loss at every place [tokens], targets and replay or not."""
        replay = (rows["places"][:, 1:].flatten() != NO_PLACE) & (wanted != IGNORED)
        ids, logprobs = (rows[n][:, 1:].flatten(0, 1) for n in ("base_ids", "base_logprobs"))
        own = wanted.masked_fill(replay, IGNORED) if self._kl_only else wanted
        base = Divergence(ids, logprobs, replay.float())
        loss, nats = summed_loss_with_divergence(hidden, weight, own, base, self._kl_coef)
        self.divergences.append((nats, replay.sum()))
        return loss

    def _alone_loss(self, row: Rows) -> torch.Tensor:
        """The loss of one document [1, length] by the model's plain call."""
        return self._loss_of_logits(
            self.model(input_ids=row["input_ids"], use_cache=False).logits, row
        )

    def _loss_of_logits(self, logits: torch.Tensor, flat: Rows) -> torch.Tensor:
        if self._reference is None:
            return _from_logits(logits, flat["labels"])
        chosen, ids, logprobs = self._replay(flat)
        predicted, wanted = at_targets(logits, flat["labels"])
        mine = self._with_own_loss(chosen)
        loss = F.cross_entropy(predicted[mine].float(), wanted[mine], reduction="sum")
        return loss + self._weighed(divergence_of_logits(predicted[chosen], ids, logprobs), ids)

    def _replay(self, flat: Rows) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(which targets are replay [targets], their kept tokens, the base's log-probabilities)."""
        assert self._reference is not None
        places = flat["places"][:, 1:][flat["labels"][:, 1:] != IGNORED]
        chosen = places != NO_PLACE
        wanted = places[chosen].cpu()
        ids = self._reference.ids[wanted].long().to(places.device)
        return chosen, ids, self._reference.logprobs[wanted].to(places.device)

    def _with_own_loss(self, replay: torch.Tensor) -> torch.Tensor | slice:
        """Which targets their own loss is taken of, given which of them are replay [targets]."""
        return ~replay if self._kl_only else slice(None)

    def _weighed(self, nats: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        self.divergences.append((nats.detach(), torch.tensor(len(ids))))
        return self._kl_coef * nats


def choose_way(model: Any, longest: int = 512, dtype: torch.dtype = torch.float32) -> Way:
    """The fastest way that gives two documents' own losses on this model, and trains.

    The model is left as it was: its mode, its configuration and its gradients.

    Args:
        longest: tokens of the longest segment to come; what sets in below it is tried too, as a
            sliding window does.
        dtype: the working precision to come.
    """
    device = next(model.parameters()).device
    config = _inner(model).config.get_text_config()
    reach = max((n for n in turning_lengths(config) if n < longest), default=0)
    rows = _probe(int(config.vocab_size), (_PROBE_LENGTHS[0] + reach, _PROBE_LENGTHS[1]), device)
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            expected = sum(float(_plain_loss(model, row)) for row in alone(rows))
        ways = (*_FIRST.get(device.type, ()), *_ANYWHERE)
        ways = tuple(way for way in ways if _suits(way, dtype))
        found = (way for way in ways if _agrees(model, way, dtype, rows, expected))
        return next(found, _LAST)
    finally:
        model.train(was_training)


def _suits(way: Way, dtype: torch.dtype) -> bool:
    """May it compute in this precision? A loss scale comes too late for gradients taken forward."""
    return dtype != torch.float16 or way.head == "logits"


def way_state(model: Any, way: Way) -> dict[str, str]:
    """What a checkpoint keeps of a way: the way, and what it was tried with."""
    return {**asdict(way), "tried_with": _trier(model)}


def way_before(
    model: Any, state: Mapping[str, str], dtype: torch.dtype = torch.float32
) -> Way | None:
    """The way a stopped run was computed, if the libraries and the device are still the same.

    It isn't tried again: that would take seconds, and a trial near its tolerance might end
    otherwise than before.

    Args:
        state: from ``way_state``, or empty.
        dtype: the working precision to come, which the user may have changed.
    """
    if state.get("tried_with") != _trier(model):
        return None
    known = [way for way in (*_ON_CPU, *_ON_CUDA, *_ANYWHERE, _LAST) if _suits(way, dtype)]
    return next((way for way in known if way_state(model, way) == dict(state)), None)


def _trier(model: Any) -> str:
    """Everything a trial's outcome depends on besides the model itself."""
    import peft
    import transformers

    versions = (torch.__version__, transformers.__version__, peft.__version__)
    return " ".join((next(model.parameters()).device.type, *map(str, versions)))


def _agrees(model: Any, way: Way, dtype: torch.dtype, rows: Rows, expected: float) -> bool:
    """Does it give the expected loss, and can it be trained on, dropout and all?"""
    tokens = rows["input_ids"].numel()
    try:
        with closing(PackedLoss(model, way)) as loss:
            loss.begin_step()
            loss.eval()
            with torch.no_grad():
                found = float(loss(rows))
            if not abs(found - expected) <= _PROBE_TOLERANCE * tokens:
                return False
            _try_gradient(loss, rows)
        if dtype != torch.float32 and way.linear != "plain":
            # Only now are all stacks copies, and their outputs can't be changed in place.
            with closing(PackedLoss(model, way, dtype)) as loss:
                loss.begin_step()
                with torch.autocast(rows["input_ids"].device.type, dtype=dtype):
                    _try_gradient(loss, rows)
        return True
    except (TypeError, ValueError, RuntimeError, AttributeError, NotImplementedError):
        return False
    finally:
        model.eval()


def _try_gradient(loss: PackedLoss, rows: Rows) -> None:
    """Take the gradient of everything trained, as in training, and forget it."""
    trained = [p for p in loss.parameters() if p.requires_grad]
    with torch.random.fork_rng():
        loss.train()
        if trained:
            torch.autograd.grad(loss(rows), trained, allow_unused=True)


def _probe(vocabulary: int, lengths: tuple[int, int], device: torch.device) -> Rows:
    """One row of two documents of different random tokens."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, vocabulary, (sum(lengths),), generator=generator)
    segments = torch.repeat_interleave(torch.arange(2), torch.tensor(lengths))
    positions = torch.cat([torch.arange(n) for n in lengths])
    labels = torch.where(positions == 0, IGNORED, ids)
    named = {"input_ids": ids, "labels": labels, "segments": segments, "position_ids": positions}
    return {name: tensor[None].to(device) for name, tensor in named.items()}


def _plain_loss(model: Any, row: Rows) -> torch.Tensor:
    """Summed loss of one document [1, length] by the model's plain call."""
    return _from_logits(model(input_ids=row["input_ids"], use_cache=False).logits, row["labels"])


def _from_logits(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Summed loss of logits [rows, length, vocabulary] for unshifted labels, in fp32."""
    predicted, wanted = at_targets(logits, labels)
    return F.cross_entropy(predicted.float(), wanted, reduction="sum")


def _inner(model: Any) -> Any:
    """The transformers model inside an engine's and PEFT's wrappers."""
    model = getattr(model, "module", model)
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _head_weight(inner: Any) -> torch.Tensor:
    """The head's weight, if the head is nothing but a product with it.

    Raises:
        ValueError: it is something else.
    """
    head = inner.get_output_embeddings()
    saved = getattr(head, "modules_to_save", None)
    if saved is not None:
        head = saved[head.active_adapters[0]]
    if type(head) is not torch.nn.Linear or head.bias is not None:
        raise ValueError("the head isn't a plain linear layer")
    return head.weight
