"""What a recipe may say: every key, its type, its default and the reason for it.

A key that is absent means "the default"; zero means zero. Names follow Hugging Face and PEFT.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from steep.recipe.assistant import DpoRecipe, SftRecipe
from steep.recipe.section import Count, NotNegative, Section
from steep.recipe.texts import DataRecipe, RetellRecipe, RewriteRecipe
from steep.recipe.training import GuardRecipe, StageRecipe, StrengthRecipe, TrainRecipe
from steep.recipe.vocabulary import VocabularyRecipe

RUN_NAMES = frozenset(
    (".lock", "recipe.toml", "plan.json", "machine.json", "data", "scores", "metrics.jsonl",
     "checkpoints", "modules.json", "alarm.json", "guard.json", "lifted.json", "strength.json",
     "probes.json", "asked.json", "evaluation.json", "sft", "dpo", "benchmarks.json",
     "exports.json", "report.md", "report.html")
)  # fmt: skip
"""What a run's own files and folders are called."""


class EvaluateRecipe(Section):
    """``[evaluate]``: how the result is judged.

    Attributes:
        parallel: a file of sentences and their translations (TSV), for a new language.
        probes: questions to make from the documents, by rule, at most; 0 for none.
        check_share: the share of training time that light checks of a small sample may take while
            it trains; 0 takes none. They never change what is trained.
        benchmarks: names of lm-eval's tasks, or "name=path" for local items; asked after the
            export, base beside tuned (``steep[bench]``).
        benchmark_limit: items of each task; None means all.
        allow_code_execution: benchmarks may run, on this machine, code that the model writes.
    """

    questions: str | None = None
    parallel: str | None = None
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
        adapter, merged: what stands there under such a name is replaced, so it is a name alone,
            and none of those that a run's own files have.
        gguf: also write one file for llama.cpp and Ollama, of this kind, into the folder
            "<merged>_gguf"; None for none. Q4_K_M needs ``steep[gguf]``.
    """

    adapter: str | None = None
    merged: str | None = None
    gguf: Literal["F32", "F16", "Q8_0", "Q4_K_M"] | None = None

    @model_validator(mode="after")
    def names_of_their_own(self) -> ExportRecipe:
        """Refuse a path, a name that a run's own files have, and one name for two folders."""
        named = {"adapter": self.adapter, "merged": self.merged}
        given = {key: name for key, name in named.items() if name is not None}
        for key, name in given.items():
            if not name.strip(" .") or set(name) & set("/\\\0"):
                raise ValueError(
                    f"export.{key} = {name!r} is not the name of a folder in output_dir; write one "
                    'without a path, e.g. "my_model"'
                )
            if name.casefold() in RUN_NAMES:
                raise ValueError(
                    f"export.{key} = {name!r} is a name that the run itself uses; choose another"
                )
        folders = [name.casefold() for name in given.values()]
        if self.merged is not None:
            folders.append(f"{self.merged}_gguf".casefold())
        if len(set(folders)) < len(folders):
            raise ValueError("export.adapter and export.merged must be folders of their own")
        return self


class Recipe(Section):
    """A whole recipe. ``load_recipe`` reads TOML; ``recipe_from`` takes a mapping.

    Attributes:
        model: what is trained: an alias, a local folder or a Hugging Face id.
        instruct: the instruct model that was tuned from ``model``, named as that is: what the
            documents change is put on it, and it is what the result is compared with.
    """

    model: str = "smollm2-135m"
    instruct: str | None = None
    output_dir: str = "runs/steep"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    data: DataRecipe = DataRecipe()
    train: TrainRecipe
    vocabulary: VocabularyRecipe | None = None
    retell: RetellRecipe = RetellRecipe()
    rewrite: RewriteRecipe = RewriteRecipe()
    guard: GuardRecipe = GuardRecipe()
    strength: StrengthRecipe = StrengthRecipe()
    evaluate: EvaluateRecipe = EvaluateRecipe()
    sft: SftRecipe | None = None
    dpo: DpoRecipe | None = None
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
        if self._asked_kl and not self.has_replay:
            raise ValueError(
                f"train.{self._asked_kl} has no effect without replay; remove it, or set "
                "data.general_share above 0"
            )
        return self

    @model_validator(mode="after")
    def replay_to_go_on_with(self) -> Recipe:
        """Refuse replay between rows where the documents have none."""
        for name, table in self.later.items():
            if table.general_share and not self.has_replay:
                raise ValueError(
                    f"{name}.general_share goes on with the replay of [data], and there is none; "
                    "set data.general_share above 0"
                )
        return self

    @model_validator(mode="after")
    def somebody_to_ask(self) -> Recipe:
        """Refuse rows in a language model's words where none is named."""
        asked = [name for name, table in self.later.items() if table.asks_endpoint]
        if asked and self.rewrite.model is None:
            raise ValueError(
                f'[{asked[0]}] data = "endpoint" asks the model that [rewrite] names; set '
                "rewrite.model to the endpoint's name"
            )
        return self

    @property
    def has_replay(self) -> bool:
        """Is general text rehearsed while documents are trained?"""
        return any([self.data.general_share, *(s.general_share for s in self.train.stages)])

    @property
    def replay_kl(self) -> tuple[float, bool]:
        """The weight of KL(base || model) on replay; does that replace replay's own loss?"""
        weight, only = self.train.replay_kl_coef, self.train.replay_kl_only
        if weight is None:
            weight = 1.0 if self.has_replay else 0.0
        return weight, weight > 0 and only is not False

    @property
    def _asked_kl(self) -> str | None:
        """The key that asks for a divergence on replay; None if only the default does."""
        keys = ("replay_kl_coef", "replay_kl_only")
        return next((key for key in keys if getattr(self.train, key)), None)

    @property
    def later(self) -> dict[str, SftRecipe | DpoRecipe]:
        """The stages behind the documents that the recipe has, by the names of their tables."""
        tables = {"sft": self.sft, "dpo": self.dpo}
        return {name: table for name, table in tables.items() if table is not None}

    @property
    def home(self) -> str:
        """The model that the result is a change of, as the user names it."""
        return self.instruct or self.model

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
