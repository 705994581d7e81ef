"""Is what was written the model that was trained? Figures, and how far they may go.

Twenty texts are begun: 32 tokens of the text, then 32 that the trained model finds likeliest. Both
models read the same tokens, so every figure compares them at the same places.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from steep.errors import SteepError
from steep.export.strings import strings

Written = Literal["adapter", "merged", "F32", "F16", "Q8_0", "Q4_K_M"]

PROMPTS = 20
PROMPT_TOKENS = 32
NEW_TOKENS = 32


@dataclass(frozen=True)
class Parity:
    """How far a written model is from the trained one.

    Attributes:
        max_logit_difference: the largest, over all tokens of the vocabulary at all places.
        kl: mean divergence of the written model's next token from the trained one's, nats.
        greedy_agreement: share of the places behind the prompts where both have the same
            likeliest token, given the same tokens before.
        perplexity, trained_perplexity: per token, on the texts' own beginnings.
        equal_strings: of ``strings``, those that both tokenizers turn into the same ids.
        read_by: the program that read the file back.
    """

    max_logit_difference: float
    kl: float
    greedy_agreement: float
    perplexity: float
    trained_perplexity: float
    equal_strings: int
    strings: int
    read_by: str

    def as_json(self) -> dict[str, Any]:
        """For exports.json."""
        return asdict(self)

    def in_words(self) -> str:
        """One line for whoever watches."""
        return (
            f"largest logit difference {self.max_logit_difference:.2g}, KL {self.kl:.1e} nats, "
            f"{100 * self.greedy_agreement:.1f}% of greedy tokens equal, perplexity "
            f"{self.perplexity:.2f} (trained {self.trained_perplexity:.2f}), ids equal on "
            f"{self.equal_strings:,} of {self.strings:,} strings; read by {self.read_by}"
        )


@dataclass(frozen=True)
class Tolerance:
    """The most that may differ; None where rounding has no bound worth naming.

    Attributes:
        perplexity: share by which it may rise over the trained model's.
    """

    max_logit_difference: float | None
    kl: float
    greedy_agreement: float | None
    perplexity: float


# fp32 all the way: only the order of additions differs. Usually that is 1e-4 of a logit, but at a
# place that amplifies rounding the trained model is 1e-3 off its own fp64 (docs/RESULTS.md). F16
# keeps 11 bits of a weight, Q8_0 about 8, Q4_K_M about 5. The bounds are wide: a wrong layout is
# nats away, not hundredths of one.
_EXACT = Tolerance(1e-2, 1e-5, 0.98, 0.001)
TOLERANCES: dict[Written, Tolerance] = {
    "adapter": _EXACT,
    "merged": _EXACT,
    "F32": _EXACT,
    "F16": Tolerance(None, 1e-3, 0.9375, 0.005),
    "Q8_0": Tolerance(None, 2e-2, 0.85, 0.02),
    "Q4_K_M": Tolerance(None, 0.5, None, 0.3),
}

Logits = Callable[[Sequence[int]], Any]
Encode = Callable[[str], Sequence[int]]


@dataclass(frozen=True)
class Reader:
    """A written model as someone reads it: logits (T, vocabulary) of T token ids; ids of a text."""

    name: str
    logits: Logits
    encode: Encode


def reader_of(model: Any, tokenizer: Any, name: str = "transformers") -> Reader:
    """A model and tokenizer of transformers as a reader."""
    import torch

    def logits(ids: Sequence[int]) -> Any:
        with torch.inference_mode():
            return model(input_ids=torch.tensor([list(ids)], device=model.device)).logits[0]

    return Reader(name, logits, lambda text: list(tokenizer(text)["input_ids"]))


@dataclass(frozen=True)
class Trained:
    """The trained model, what it says to the twenty texts, and its tokenizer."""

    reader: Reader
    rows: tuple[tuple[int, ...], ...]
    prompt_tokens: int
    strings: tuple[str, ...]


def trained_reader(model: Any, tokenizer: Any, texts: Sequence[str]) -> Trained:
    """Have the trained model continue the beginnings of ``texts``, the first twenty.

    Raises:
        SteepError: no text is long enough to begin.
    """
    import torch

    config = model.config.get_text_config()
    context = int(getattr(config, "max_position_embeddings", None) or 2 * PROMPT_TOKENS)
    length = min(PROMPT_TOKENS, context // 2)
    encoded = [list(tokenizer(text)["input_ids"])[:length] for text in texts[:PROMPTS]]
    prompts = [ids for ids in encoded if len(ids) == length]
    if not prompts:
        raise SteepError(f"no text of {length} tokens to compare exports on")
    rows = torch.tensor(prompts, device=model.device)
    new = min(NEW_TOKENS, context - length)
    with torch.inference_mode():
        step, cache = rows, None
        for _ in range(new):
            found = model(input_ids=step, past_key_values=cache, use_cache=True)
            step, cache = found.logits[:, -1:].argmax(-1), found.past_key_values
            rows = torch.cat([rows, step], dim=1)
    added = [str(token) for token in tokenizer.get_added_vocab()]
    return Trained(
        reader_of(model, tokenizer),
        tuple(tuple(row) for row in rows.tolist()),
        length,
        tuple(_normal(tokenizer, strings(added))),
    )


def compare(trained: Trained, written: Reader) -> Parity:
    """Ask both readers the same.

    Raises:
        SteepError: the two have vocabularies of different sizes.
    """
    import torch

    worst, divergence, places, agreed, greedy = 0.0, 0.0, 0, 0, 0
    losses = {"trained": 0.0, "written": 0.0}
    targets = 0
    behind = trained.prompt_tokens - 1  # the last token of the prompt decides the first new one
    for row in trained.rows:
        left = torch.as_tensor(trained.reader.logits(row)).float().cpu()
        right = torch.as_tensor(written.logits(row)).float().cpu()
        if left.shape != right.shape:
            raise SteepError(f"logits of shape {tuple(left.shape)} and {tuple(right.shape)}")
        worst = max(worst, float((left - right).abs().max()))
        agreed += int((left.argmax(-1) == right.argmax(-1))[behind:-1].sum())
        greedy += len(row) - 1 - behind
        left, right = left.double().log_softmax(-1), right.double().log_softmax(-1)
        divergence += float((left.exp() * (left - right)).sum())
        places += len(row)
        ids = torch.tensor(row[1 : behind + 1])[:, None]
        for name, found in (("trained", left), ("written", right)):
            losses[name] -= float(found[:behind].gather(1, ids).sum())
        targets += behind
    perplexity = {name: float(torch.tensor(loss / targets).exp()) for name, loss in losses.items()}
    equal = sum(list(written.encode(s)) == list(trained.reader.encode(s)) for s in trained.strings)
    return Parity(
        max_logit_difference=worst,
        kl=max(0.0, divergence / places),
        greedy_agreement=agreed / greedy,
        perplexity=perplexity["written"],
        trained_perplexity=perplexity["trained"],
        equal_strings=equal,
        strings=len(trained.strings),
        read_by=written.name,
    )


def check_parity(parity: Parity, what: Written, where: str) -> None:
    """Refuse an export that isn't the trained model.

    Raises:
        SteepError: a figure is beyond its tolerance; it says which, and what was allowed.
    """
    allowed = TOLERANCES[what]
    most_perplexity = parity.trained_perplexity * (1 + allowed.perplexity)
    # "not <=" and not ">": a figure that isn't a number is beyond every tolerance.
    wrong = []
    most = allowed.max_logit_difference
    if most is not None and not parity.max_logit_difference <= most:
        wrong.append(f"largest logit difference {parity.max_logit_difference:.2g} ({most:g})")
    if not parity.kl <= allowed.kl:
        wrong.append(f"KL {parity.kl:.2g} nats ({allowed.kl:g})")
    least = allowed.greedy_agreement
    if least is not None and not parity.greedy_agreement >= least:
        wrong.append(f"{parity.greedy_agreement:.1%} of greedy tokens equal ({least:.1%})")
    if not parity.perplexity <= most_perplexity:
        wrong.append(f"perplexity {parity.perplexity:.4g} ({most_perplexity:.4g})")
    if parity.equal_strings != parity.strings:
        wrong.append(f"equal token ids on {parity.equal_strings:,} strings ({parity.strings:,})")
    if wrong:
        raise SteepError(
            f"{where} isn't the trained model and was not kept. Found (allowed): {'; '.join(wrong)}"
        )


def _normal(tokenizer: Any, texts: Sequence[str]) -> list[str]:
    """The texts as the tokenizer's normaliser leaves them: a GGUF doesn't hold one."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    normaliser = getattr(backend, "normalizer", None)
    return [text if normaliser is None else normaliser.normalize_str(text) for text in texts]
