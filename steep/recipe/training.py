"""What a recipe says about training: stages and budgets, the guard, the strength."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from steep.recipe.section import Count, NotNegative, Positive, Section, Share

BUDGETS = ("max_steps", "epochs", "max_tokens")
"""Keys of ``[train]`` of which a recipe has one."""
BUDGET_KEYS = tuple(f"train.{name}" for name in BUDGETS)
"""The same as they are named in a whole recipe."""


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
    given = [name for name in BUDGETS if getattr(section, name) is not None]
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
        load_in: "4bit" or "8bit" holds the frozen weights in fewer bits while adapters are trained
            (QLoRA, arXiv 2305.14314); None holds them as they are.
        frozen_layers: decoder layers that stay as they are, 0 the first, -1 the last.
        optim: "adafactor" keeps two vectors per matrix where "adamw" keeps two matrices
            (arXiv 1804.04235); the rates mean the same.
        gradient_checkpointing: compute activations again in the backward pass instead of keeping
            them: less memory, about a third more work.
        replay_kl_coef: weight of KL(base || model), token by token on replay; 0 trains replay as
            text alone. None is 1 wherever there is replay. With ``[vocabulary]`` passages of
            replay that hold an added token are trained on as text.
        replay_kl_only: that takes the place of replay's own loss, so that the model isn't drawn to
            the voice of what it rehearses. None is true where there is a coefficient.
        warmup_steps: the first steps, on the way up to the rate; a fifth of the run at most.
        decay_steps: the last steps, in which "warmup_stable_decay" goes down; None is a fifth of
            the run.
    """

    method: Literal["auto", "lora", "full"] = "auto"
    lora_r: Count = 64
    lora_alpha: Positive | None = None
    lora_dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    use_rslora: bool = False
    use_dora: bool = False
    load_in: Literal["4bit", "8bit"] | None = None
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
    replay_kl_coef: NotNegative | None = None
    replay_kl_only: bool | None = None
    save_steps: Count | None = None
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    threads: Count | None = None
    stages: list[StageRecipe] = []
    rewarm_stages: bool = False

    @property
    def budget(self) -> tuple[str, float] | None:
        """The budget as (its key, its value); None where only the stages have one."""
        values = ((name, getattr(self, name)) for name in BUDGETS)
        return next(((name, value) for name, value in values if value is not None), None)

    @property
    def has_budget(self) -> bool:
        """Is there a budget besides those of the stages?"""
        return self.budget is not None

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
        if self.load_in is not None:
            self._check_load_in()
        if self.decay_steps is not None and self.lr_scheduler_type != "warmup_stable_decay":
            raise ValueError(
                f'decay_steps has no effect with lr_scheduler_type = "{self.lr_scheduler_type}"; '
                'set "warmup_stable_decay" or remove it'
            )
        if self.replay_kl_only and self.replay_kl_coef == 0:
            raise ValueError(
                "replay_kl_only would leave replay without any loss; set replay_kl_coef above 0 or "
                "remove it"
            )
        if self.rewarm_stages and not self.stages:
            raise ValueError("rewarm_stages has no effect without stages; remove it")
        return self

    def _check_load_in(self) -> None:
        """Refuse what can't be trained beside weights in fewer bits."""
        asked = f'load_in = "{self.load_in}"'
        if self.method == "full":
            raise ValueError(f'{asked} is for adapters; set method = "lora" or remove it')
        if self.use_dora:
            raise ValueError(f"{asked}: use_dora needs the weights as they are; remove one of them")


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
