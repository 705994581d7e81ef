"""What a recipe may say: every key, its type, its default and the reason for it.

A key that is absent means "the default"; zero means zero. Names follow Hugging Face and PEFT.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0.0, le=0.9)]
Positive = Annotated[float, Field(gt=0.0)]
NotNegative = Annotated[float, Field(ge=0.0)]
Count = Annotated[int, Field(ge=1)]


# Replay that isn't a path: written by the base model, or the reading that comes with steep.
NAMED_TEXTS = ("self", "reading")


class Section(BaseModel):
    """A frozen table of the recipe that refuses unknown keys."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )


Flag = Literal[
    "few words",
    "odd word lengths",
    "many symbols",
    "bullet points",
    "cut-off lines",
    "few letters",
    "repeated lines",
    "repeated paragraphs",
    "repeated phrases",
    "lines without ends",
    "badly recognised",
    "machine-made",
]
"""Signs of poor text (``steep.documents.signs``)."""


class DataRecipe(Section):
    """``[data]``: what to learn, what to rehearse, what to keep aside.

    Attributes:
        redact: what is blanked in the documents: secrets (keys, tokens, passwords), personal data
            too, or nothing.
        repeated_lines: menus, letterheads and footers that many documents share; "cut" leaves them
            in the first document alone.
        repeated_paragraphs: the same of paragraphs that stand in several documents. They are
            counted either way.
        drop_flagged: documents with one of these signs of poor text are left out; without any they
            are only flagged, in the ledger and in ``data/documents.jsonl``.
    """

    domain: Annotated[list[str], Field(min_length=1)] | None = None
    general: str | list[str] = "self"
    general_share: Share = 0.2
    held_out_share: Annotated[float, Field(ge=0.0, le=0.5)] = 0.05
    redact: Literal["nothing", "secrets", "personal"] = "secrets"
    repeated_lines: Literal["keep", "cut"] = "cut"
    repeated_paragraphs: Literal["keep", "cut"] = "keep"
    drop_flagged: list[Flag] = []


class StageRecipe(Section):
    """``[[train.stages]]``: documents of their own, trained before those of ``[data] domain``.

    Attributes:
        name: what the stage is called; its number if it has none.
        domain: its documents; one that stands in two stages is trained in both.
        max_steps, epochs, max_tokens: its budget, exactly one.
        general_share: share of its tokens that is replay; None for that of ``[data]``.
        learning_rate: its peak rate; None for that of ``[train]``.
    """

    name: str | None = None
    domain: Annotated[list[str], Field(min_length=1)]
    max_steps: Count | None = None
    epochs: Positive | None = None
    max_tokens: Count | None = None
    general_share: Share | None = None
    learning_rate: Positive | None = None

    @model_validator(mode="after")
    def one_budget(self) -> StageRecipe:
        """Refuse a stage with no budget or two."""
        _check_budget(self)
        return self


def _check_budget(section: StageRecipe | TrainRecipe, *, may_lack: bool = False) -> None:
    budgets = ("max_steps", "epochs", "max_tokens")
    given = [name for name in budgets if getattr(section, name) is not None]
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} are both budgets; keep exactly one")
    if not given and not may_lack:
        raise ValueError("no budget: set exactly one of max_steps, epochs or max_tokens")


class TrainRecipe(Section):
    """``[train]``: how to learn. Exactly one of max_steps, epochs, max_tokens is the budget.

    Attributes:
        stages: a curriculum: what is trained first, one after another. The documents of
            ``[data] domain`` come last, under the budget of ``[train]``; both may be left out.
        rewarm_stages: each stage has a warm-up and a schedule of the rate of its own; else one
            goes over all of them.
        use_rslora: scale adapters by alpha / sqrt(r) instead of alpha / r (arXiv 2312.03732).
        use_dora: train each row's length apart from its direction (arXiv 2402.09353); slower.
        frozen_layers: decoder layers that stay as they are, 0 the first, -1 the last.
        optim: "adafactor" keeps two vectors per matrix where "adamw" keeps two matrices
            (arXiv 1804.04235); the rates mean the same.
        gradient_checkpointing: compute activations again in the backward pass instead of keeping
            them: less memory, about a third more work.
        replay_kl_coef: weight of KL(base || model), token by token on replay, beside its loss; 0
            leaves it out.
        decay_steps: the last steps, in which "warmup_stable_decay" goes down; None is a fifth of
            the run.
    """

    method: Literal["auto", "lora", "full"] = "auto"
    lora_r: Count = 64
    lora_alpha: Positive | None = None
    lora_dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    use_rslora: bool = False
    use_dora: bool = False
    target_modules: Annotated[list[str], Field(min_length=1)] = ["all-linear"]
    frozen_layers: list[int] = []
    optim: Literal["adamw", "adafactor"] = "adamw"
    learning_rate: Positive | None = None
    embedding_learning_rate: NotNegative | None = None
    max_steps: Count | None = None
    epochs: Positive | None = None
    max_tokens: Count | None = None
    max_seq_length: Annotated[int, Field(ge=16)] = 512
    per_device_train_batch_size: Count = 2
    gradient_accumulation_steps: Count = 1
    gradient_checkpointing: bool = False
    warmup_steps: Annotated[int, Field(ge=0)] = 5
    lr_scheduler_type: Literal["constant", "linear", "cosine", "warmup_stable_decay"] = "linear"
    decay_steps: Count | None = None
    weight_decay: NotNegative = 0.0
    max_grad_norm: Positive | None = 1.0
    replay_kl_coef: NotNegative = 0.0
    save_steps: Count | None = None
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    threads: Count | None = None
    stages: list[StageRecipe] = []
    rewarm_stages: bool = False

    @property
    def has_budget(self) -> bool:
        """Is there a budget besides those of the stages?"""
        return any((self.max_steps, self.epochs, self.max_tokens))

    @model_validator(mode="after")
    def one_budget(self) -> TrainRecipe:
        """Refuse a recipe with no budget or two."""
        _check_budget(self, may_lack=bool(self.stages))
        return self

    @model_validator(mode="after")
    def nothing_without_effect(self) -> TrainRecipe:
        """Refuse what the rest of the recipe would leave without effect."""
        for name in ("use_rslora", "use_dora"):
            if self.method == "full" and getattr(self, name):
                raise ValueError(f'{name} is about adapters; set method = "lora" or remove it')
        if self.decay_steps is not None and self.lr_scheduler_type != "warmup_stable_decay":
            raise ValueError(
                f'decay_steps has no effect with lr_scheduler_type = "{self.lr_scheduler_type}"; '
                'set "warmup_stable_decay" or remove it'
            )
        if self.rewarm_stages and not self.stages:
            raise ValueError("rewarm_stages has no effect without stages; remove it")
        return self


class RetellRecipe(Section):
    """``[retell]``: the documents said again in other forms, made by rule from any text.

    Attributes:
        names: openings that point back ("It", "The company") are spelled out (English only).
        permute: shuffles of a document's sentences under its title.
        cloze: blanks to fill in, per sentence at most.
        questions: questions for a value ("founded in which year?"), per sentence at most.
        reversed: blanks and questions for the subject, from a value that points to it, per
            sentence at most.
        records: wordings in which a record's fields are said in sentences.
        restore: times that short texts with several blanks are to be written out.
        coverage: facts that stand in fewer wordings get more of them, thinnest first; 0 for none.
        coverage_share: text added for that at most, as a share of all retold and own text.
    """

    enabled: bool = True
    names: bool = True
    permute: Annotated[int, Field(ge=0, le=50)] = 1
    cloze: Annotated[int, Field(ge=0, le=50)] = 3
    questions: Annotated[int, Field(ge=0, le=50)] = 0
    reversed: Annotated[int, Field(ge=0, le=50)] = 0
    records: Annotated[int, Field(ge=0, le=50)] = 0
    restore: Annotated[int, Field(ge=0, le=50)] = 0
    coverage: Annotated[int, Field(ge=0, le=50)] = 0
    coverage_share: Share = 0.1


RewriteKind = Literal["paraphrase", "questions", "links", "strategies"]


class RewriteRecipe(Section):
    """``[rewrite]``: the documents said again by a language model, if one is named.

    Attributes:
        base_url: an OpenAI-compatible endpoint, up to before ``/chat/completions``.
        model: its model's name.
        api_key_env: the environment variable that holds the key; without one, none is sent.
        kinds: what to ask for of each passage of each trained document.
        times: how often each is asked for, each time with another seed.
        max_tokens: of one answer.
        budget_tokens: read and written in all, at most; None for no limit.
        price_in, price_out: money per million tokens, for the estimate alone.
    """

    enabled: bool = False
    base_url: Annotated[str, Field(pattern=r"^https?://")] = "http://localhost:11434/v1"
    model: str | None = None
    api_key_env: str = "OPENAI_API_KEY"
    kinds: Annotated[list[RewriteKind], Field(min_length=1)] = ["paraphrase", "questions"]
    times: Annotated[int, Field(ge=1, le=20)] = 1
    temperature: Annotated[float, Field(ge=0.0, le=2.0)] = 0.7
    max_tokens: Count = 1000
    budget_tokens: Count | None = None
    timeout_seconds: Positive = 120.0
    price_in: NotNegative | None = None
    price_out: NotNegative | None = None

    @model_validator(mode="after")
    def named_model(self) -> RewriteRecipe:
        """Refuse to rewrite with nobody."""
        if self.enabled and self.model is None:
            raise ValueError("enabled without a model; set rewrite.model to the endpoint's name")
        return self


class GuardRecipe(Section):
    """``[guard]``: looks at general text at fixed steps of training, and goes back if too much is
    lost.

    Attributes:
        on_breach: beyond the limit both go back to the best point so far; "lower_rate" then goes
            on at a quarter of the rate, "stop" ends the training.
        limit: rise of the loss on general text over the base model's, nats per token. It is far
            above ``evaluate.forgetting_budget``, because ``[strength]`` mends what is less.
    """

    enabled: bool = True
    on_breach: Literal["lower_rate", "stop"] = "lower_rate"
    limit: Positive = 1.0


class StrengthRecipe(Section):
    """``[strength]``: how much of the change to keep (1 all, 0 none), applied after training.

    Without a ``scale`` it is chosen within ``evaluate.forgetting_budget`` on validation texts.
    """

    enabled: bool = True
    scale: Annotated[float, Field(ge=0.0, le=1.0)] | None = None

    @property
    def fixed(self) -> float | None:
        """The strength where the recipe decides it; None where it is to be chosen."""
        return self.scale if self.enabled else 1.0


class EvaluateRecipe(Section):
    """``[evaluate]``: how the result is judged.

    Attributes:
        probes: questions to make from the documents, by rule, at most; 0 for none.
        check_share: the share of training time that light checks of a small sample may take while
            it trains; 0 takes none. They never change what is trained.
        benchmarks: names of lm-eval's tasks, or "name=path" for local items; asked after the
            export, base beside tuned (``steep[bench]``).
        benchmark_limit: items of each task; None means all.
        allow_code_execution: benchmarks may run, on this machine, code that the model writes.
    """

    questions: str | None = None
    probes: Annotated[int, Field(ge=0, le=2000)] = 60
    general: str | list[str] | None = None
    forgetting_budget: NotNegative = 0.05
    check_share: Annotated[float, Field(ge=0.0, le=0.5)] = 0.05
    benchmarks: list[str] = []
    benchmark_limit: Count | None = None
    allow_code_execution: bool = False


class ExportRecipe(Section):
    """``[export]``: names of the folders written under ``output_dir``.

    Attributes:
        gguf: also write one file for llama.cpp and Ollama, of this kind, into the folder
            "<merged>_gguf"; None for none. Q4_K_M needs ``steep[gguf]``.
    """

    adapter: str | None = None
    merged: str | None = None
    gguf: Literal["F32", "F16", "Q8_0", "Q4_K_M"] | None = None


class SftRecipe(Section):
    """``[sft]``: instructions, trained after the documents; names as in TRL.

    Attributes:
        data: files of instruction rows (JSONL or a JSON list).
        learning_rate: the peak; None for 2e-4 with adapters and 2e-5 for every weight. Embeddings
            stand to it as they do in ``[train]``.
        max_length: tokens a row; longer rows are left out and counted.
    """

    data: str | Annotated[list[str], Field(min_length=1)]
    max_steps: Count = 200
    learning_rate: Positive | None = None
    per_device_train_batch_size: Count = 4
    max_length: Annotated[int, Field(ge=16)] = 512
    warmup_steps: Annotated[int, Field(ge=0)] = 5

    @property
    def files(self) -> tuple[str, ...]:
        """The paths of ``data``."""
        return (self.data,) if isinstance(self.data, str) else tuple(self.data)


class Recipe(Section):
    """A whole recipe. ``load_recipe`` reads TOML; ``recipe_from`` takes a mapping."""

    model: str = "smollm2-135m"
    output_dir: str = "runs/steep"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    data: DataRecipe = DataRecipe()
    train: TrainRecipe
    retell: RetellRecipe = RetellRecipe()
    rewrite: RewriteRecipe = RewriteRecipe()
    guard: GuardRecipe = GuardRecipe()
    strength: StrengthRecipe = StrengthRecipe()
    evaluate: EvaluateRecipe = EvaluateRecipe()
    sft: SftRecipe | None = None
    export: ExportRecipe = ExportRecipe()

    @model_validator(mode="after")
    def documents_with_a_budget(self) -> Recipe:
        """Refuse documents without a budget, and a budget without documents."""
        if self.data.domain is None and not self.train.stages:
            raise ValueError("'data.domain' is missing; it must be set")
        if self.data.domain is None and self.train.has_budget:
            raise ValueError(
                "[train] has a budget besides those of its stages but [data] has no domain to "
                "spend it on; set data.domain, or remove the budget"
            )
        if self.data.domain is not None and not self.train.has_budget:
            raise ValueError(
                "[data] domain comes after the stages and has no budget; set one of max_steps, "
                "epochs or max_tokens in [train], or make it a stage of its own"
            )
        return self

    @model_validator(mode="after")
    def replay_to_hold_to(self) -> Recipe:
        """Refuse a divergence on replay where there is none."""
        shares = [self.data.general_share, *(s.general_share for s in self.train.stages)]
        if self.train.replay_kl_coef and not any(shares):
            raise ValueError(
                "train.replay_kl_coef has no effect without replay; set data.general_share above 0"
            )
        return self

    @property
    def curriculum(self) -> tuple[StageRecipe, ...]:
        """The stages in order, the documents of ``[data] domain`` last; none without stages."""
        train = self.train
        if not train.stages or self.data.domain is None:
            return tuple(train.stages)
        last = StageRecipe(
            name="domain",
            domain=self.data.domain,
            max_steps=train.max_steps,
            epochs=train.epochs,
            max_tokens=train.max_tokens,
        )
        return (*train.stages, last)
