"""lm-eval's tasks: its own over the hub's data, or its own prompts over local items."""

from __future__ import annotations

import contextlib
import difflib
import importlib.util
import io
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steep.benchmarks.code import INTERPRETERS, can_run, passes
from steep.benchmarks.formats import Items, Row, read_items
from steep.benchmarks.names import LOCAL, Benchmark
from steep.errors import UserInputError

# Where lm-eval keeps the official configuration of each benchmark with a local format.
_OFFICIAL = {
    "blimp": "blimp/_template_yaml",
    "gsm8k": "gsm8k/gsm8k.yaml",
    "hellaswag": "hellaswag/hellaswag.yaml",
    "humaneval": "humaneval/humaneval.yaml",
    "lambada": "lambada/lambada_openai.yaml",
    "legalbench": "legalbench/_legalbench_template_yaml",
    "medqa": "medqa/medqa.yaml",
    "mmlu": "mmlu/default/_default_template_yaml",
    "piqa": "piqa/piqa.yaml",
    "pubmedqa": "pubmedqa/pubmedqa.yaml",
}
_MMLU_DESCRIPTION = (
    "The following are multiple choice questions (with answers)"
    "{% if subject %} about {{subject}}{% endif %}.\n\n"
)
_MULTIPL_E = "nuprl/MultiPL-E"
_MULTIPL_E_TOKENS = 512


@dataclass(frozen=True)
class Loaded:
    """A benchmark ready to be asked.

    Attributes:
        tasks: lm-eval's tasks by name.
        clusters: for each task, what item i shares with others; None means that the task as a
            whole is one cluster among several, or else each item stands alone.
    """

    benchmark: Benchmark
    tasks: Mapping[str, Any]
    clusters: Mapping[str, Sequence[str]] | None

    def cluster(self, task: str, item: int, row: Mapping[str, Any]) -> str:
        """Which items go together in the statistics."""
        if self.clusters is not None:
            return self.clusters[task][item]
        if len(self.tasks) > 1:
            return task
        return str(row.get("source_id") or f"item {item}")


def need_harness() -> None:
    """Refuse to go on without lm-eval.

    Raises:
        UserInputError: it isn't installed.
    """
    if importlib.util.find_spec("lm_eval") is None:
        raise UserInputError(
            "benchmarks need lm-eval, which isn't installed; run: pip install 'steep[bench]'"
        )


def load_benchmark(benchmark: Benchmark) -> Loaded:
    """Tasks over local items, or over the hub's (fetched now, if they aren't there yet).

    Raises:
        UserInputError: a local file isn't right, the name is unknown, or the hub can't be reached.
    """
    if benchmark.path is not None:
        return _local(benchmark, read_items(benchmark))
    need_harness()
    with quiet():
        return _from_hub(benchmark)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without lm-eval's log and bars, which are about its own workings."""
    log = logging.getLogger("lm_eval")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        log.setLevel(level)


def _local(benchmark: Benchmark, items: Items) -> Loaded:
    need_harness()
    with quiet():
        if benchmark.name == "multipl-e":
            return _languages(benchmark, items)
        config = _config(benchmark.name)
        rows = _hellaswag(config, items.rows) if benchmark.name == "hellaswag" else items.rows
        if items.examples:
            config["fewshot_split"] = "train"
        task = _task(benchmark.name, config, rows, items.examples)
    return Loaded(benchmark, {benchmark.name: task}, {benchmark.name: items.clusters})


def _task(name: str, config: dict[str, Any], rows: list[Row], examples: list[Row]) -> Any:
    from datasets import Dataset
    from lm_eval.api.task import ConfigurableTask

    splits = {"test": Dataset.from_list(rows)}
    if examples:
        splits["train"] = Dataset.from_list(examples)
    return ConfigurableTask(
        config={
            **config,
            "task": name,
            "custom_dataset": lambda **_: splits,
            "dataset_path": None,
            "dataset_name": None,
            "training_split": None,
            "validation_split": None,
            "test_split": "test",
        }
    )


def _config(name: str) -> dict[str, Any]:
    """The official configuration, changed only where local items or offline use ask for it."""
    import lm_eval.tasks
    from lm_eval.tasks._yaml_loader import load_yaml

    path = Path(lm_eval.tasks.__file__).parent / _OFFICIAL[name]
    # HumanEval's own functions fetch a metric from the hub as they are imported.
    config: dict[str, Any] = dict(load_yaml(path, resolve_func=name != "humaneval"))
    for key in ("tag", "group", "include", "task_alias"):
        config.pop(key, None)
    config["fewshot_split"] = None
    if name == "mmlu":
        config["description"] = _MMLU_DESCRIPTION
    if name == "legalbench":
        config["doc_to_text"] = "{{prompt}}"
    if name == "humaneval":
        config = {**config, "filter_list": None, **_judged_by(_humaneval_passes)}
    return config


def _judged_by(passed: Callable[[Any, str], bool]) -> dict[str, Any]:
    """The part of a configuration that judges an answer by running it."""
    return {
        "process_results": lambda doc, results: {"pass@1": float(passed(doc, results[0]))},
        "metric_list": [{"metric": "pass@1", "aggregation": "mean", "higher_is_better": True}],
        "unsafe_code": True,
    }


def _humaneval_passes(doc: Mapping[str, Any], answer: str) -> bool:
    program = f"{doc['prompt']}{answer}\n{doc['test']}\ncheck({doc['entry_point']})\n"
    return passes(program, "py")


def _multipl_e_passes(doc: Mapping[str, Any], answer: str) -> bool:
    return passes(f"{doc['prompt']}{answer}\n{doc['tests']}\n", str(doc["language"]))


def _hellaswag(config: dict[str, Any], rows: list[Row]) -> list[Row]:
    """Published rows go through the official preparation; whole contexts are only cleaned."""
    if not any(row["whole"] for row in rows):
        return rows
    clean = config.pop("process_docs").__globals__["preprocess"]
    config["process_docs"] = None
    return [
        {
            "query": clean(row["whole"] or f"{row['activity_label']}: {row['ctx_a']} "
                           f"{row['ctx_b'].capitalize()}"),
            "choices": [clean(ending) for ending in row["endings"]],
            "label": row["label"],
        }
        for row in rows
    ]  # fmt: skip


def _languages(benchmark: Benchmark, items: Items) -> Loaded:
    """MultiPL-E: a task for each language, since each has its own words to stop at."""
    tasks: dict[str, Any] = {}
    clusters: dict[str, list[str]] = {}
    for language in sorted({row["language"] for row in items.rows}):
        if not can_run(language):
            raise UserInputError(
                f"{benchmark.path}: '{language}' can't be run here; install its interpreter, or "
                f"leave those items out (languages that can be run: {', '.join(INTERPRETERS)})"
            )
        of_it = [n for n, row in enumerate(items.rows) if row["language"] == language]
        rows = [items.rows[n] for n in of_it]
        name = f"multipl-e-{language}"
        tasks[name] = _task(name, _multipl_e(rows[0]["stop_tokens"]), rows, [])
        clusters[name] = [items.clusters[n] for n in of_it]
    return Loaded(benchmark, tasks, clusters)


def _multipl_e(stops: Sequence[str]) -> dict[str, Any]:
    return {
        "output_type": "generate_until",
        "doc_to_text": "{{prompt}}",
        "doc_to_target": "{{tests}}",
        "num_fewshot": 0,
        "generation_kwargs": {
            "until": list(stops),
            "max_gen_toks": _MULTIPL_E_TOKENS,
            "do_sample": False,
        },
        **_judged_by(_multipl_e_passes),
    }


def _from_hub(benchmark: Benchmark) -> Loaded:
    try:
        if benchmark.name == "humaneval":
            return Loaded(
                benchmark, {"humaneval": _hub_task("humaneval", _config("humaneval"))}, None
            )
        if benchmark.name.startswith("multipl-e"):
            return _hub_languages(benchmark)
        from lm_eval.tasks import TaskManager

        manager = TaskManager()
        if benchmark.task not in manager.all_tasks:
            names = [*LOCAL, *manager.all_tasks]
            near = ", ".join(difflib.get_close_matches(benchmark.name, names, n=3, cutoff=0.0))
            raise UserInputError(
                f"benchmark '{benchmark.name}': lm-eval has no task of that name; the nearest are: "
                f"{near}"
            )
        return Loaded(benchmark, manager.load([benchmark.task])["tasks"], None)
    except UserInputError:
        raise
    except Exception as error:  # whatever fetching and foreign task code may raise
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        local = f", or give a local file: {benchmark.name}=PATH" if benchmark.name in LOCAL else ""
        raise UserInputError(
            f"benchmark '{benchmark.name}': its data can't be fetched ({reason:.200}); try again "
            f"with the hub in reach{local}"
        ) from error


def _hub_task(name: str, config: dict[str, Any]) -> Any:
    from lm_eval.api.task import ConfigurableTask

    return ConfigurableTask(config={**config, "task": name})


def _hub_languages(benchmark: Benchmark) -> Loaded:
    """``multipl-e-js`` names one language; ``multipl-e`` means all that can be run here."""
    from datasets import load_dataset

    named = benchmark.name.removeprefix("multipl-e").strip("-")
    languages = [named] if named else [code for code in INTERPRETERS if can_run(code)]
    if named and not can_run(named):
        raise UserInputError(
            f"benchmark '{benchmark.name}': '{named}' can't be run here; "
            f"it takes one of {', '.join(INTERPRETERS)}, installed"
        )
    tasks = {}
    for language in languages:
        if language == "py":  # MultiPL-E translates from Python
            continue
        kept = {"dataset_path": _MULTIPL_E, "dataset_name": f"humaneval-{language}"}
        first = load_dataset(kept["dataset_path"], kept["dataset_name"], split="test")[0]
        config = {**_multipl_e(first["stop_tokens"]), **kept, "test_split": "test"}
        tasks[f"multipl-e-{language}"] = _hub_task(f"multipl-e-{language}", config)
    return Loaded(benchmark, tasks, None)
