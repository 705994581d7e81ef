"""Measuring one model on one panel: raw results for each item, to be compared later."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeVar

from steep.artifact import key_of, text_hash
from steep.proof.asking import (
    answer_limits,
    answered,
    beyond_priors,
    log_probabilities,
    priors,
    ranked,
)
from steep.proof.divergence import Reference, divergences
from steep.proof.grammar import Pair, judge_pairs
from steep.proof.layout import Encoder
from steep.proof.manners import Instruction, Judgement, follow, prefer
from steep.proof.measures import OPTIONAL_SETS
from steep.proof.questions import Question
from steep.proof.recall import (
    Window,
    copied,
    recited,
    sample_starts,
    verbatim_windows,
)
from steep.proof.scorer import Scorer
from steep.proof.translating import ask_translations
from steep.proof.translations import Translation

SCORER_VERSION = 13
"""Goes up whenever the same model on the same panel may give other results."""

SHOTS, FEW_SHOT_QUESTIONS = 3, 80
_GROUP = 64
# What an item costs is told in characters: these many for what is written, for a token.
_WRITTEN, _OF_A_TOKEN = 100, 4

Progress = Callable[[int, int, str], None]
"""Called with the percentage of the work that is done, 100, and what is being measured."""

Item = TypeVar("Item")
Texts = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Panel:
    """What a model is measured on; texts are (id, text).

    Attributes:
        domain: held-out documents of the user's.
        general: texts of other kinds, to see what is forgotten.
        questions: about facts that training may teach.
        controls: questions about facts that no training text holds.
        general_questions: about what the base model may know.
        probes: as ``questions``, made from the documents automatically.
        trained_texts: texts trained on, to see what is recited word for word.
        general_source: whose ``general`` is, the user's or the project's.
        general_project: some of the project's general texts, where ``general`` is the user's.
        general_reference: texts of the registers that look things up, where ``general`` is prose.
        own: texts that the base model wrote.
        grammar: pairs of a right and a wrong sentence.
        open_book: questions with their passages, for the base model alone.
        languages: (id, ISO 639 code) of held-out documents to be judged by their language.
        parallel: sentences with their translations.
        instructions: to be followed; only where instructions or preferences are trained.
        preferences: pairs of answers that are never trained; only where preferences are.
        whole_texts: texts are scored from their first token on too; only where the models to
            compare have different tokens.
    """

    domain: Texts = ()
    general: Texts = ()
    questions: tuple[Question, ...] = ()
    controls: tuple[Question, ...] = ()
    general_questions: tuple[Question, ...] = ()
    probes: tuple[Question, ...] = ()
    trained_texts: Texts = ()
    general_source: Literal["user", "project"] = "project"
    general_project: Texts = ()
    general_reference: Texts = ()
    own: Texts = ()
    grammar: tuple[Pair, ...] = ()
    open_book: tuple[Question, ...] = ()
    languages: Texts = ()
    parallel: tuple[Translation, ...] = ()
    instructions: tuple[Instruction, ...] = ()
    preferences: tuple[Judgement, ...] = ()
    whole_texts: bool = False


def fingerprint(panel: Panel, model_hash: str) -> str:
    """The key under which the results of this panel, model and scorer can be kept."""
    asked = asdict(panel)
    optional = (*OPTIONAL_SETS, "whole_texts")
    asked = {name: items for name, items in asked.items() if items or name not in optional}
    return key_of({"scorer": SCORER_VERSION, "panel": asked, "model": model_hash})


def measure(
    model: Any,
    tokenizer: Any,
    panel: Panel,
    *,
    base_tokenizer: Any = None,
    reference: Reference | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Judge a model on every item of a panel.

    Args:
        base_tokenizer: what limits free answers, if it isn't the model's own.
        reference: the base model's predictions, to measure the tuned one's divergence from them.

    Returns:
        JSON-able raw results: ``{"scorer_version", "general_source", "domain": [text…], "general":
        […], "general_project": […], "general_reference": […], "own": […], "questions":
        [question…], "controls": […], "general_questions": […], "probes": […], "open_book": […],
        "few_shot": [], "grammar": [pair…], "verbatim": [window…], "copied": [sample…],
        "divergence": [text…]}``. A text is ``{"id", "nats", "tokens", "bytes"}``, with
        "whole_nats" if the panel has ``whole_texts``; a question
        ``{"id", "cluster", "form", "question", "truth", "choices", "scores", "first", "margin",
        "rank", "first_beyond_prior", "answer", "exact"}`` (what is ranked is null without choices,
        and only questions of form "new" are answered freely); a pair ``{"id", "phenomenon",
        "margin", "first"}``; a window ``{"id", "start", "tokens", "same"}``; a sample
        ``{"id", "text", "words"}``. "few_shot" is filled by ``ask_few_shot``. Where the panel asks
        for them: "languages" (id to code) and "parallel" (rows of ``ask_translations``),
        "instructions" and "preferences" (rows of ``steep.proof.manners``). "tokenizer", a hash, is
        added for a model whose tokenizer isn't its base's.

    Raises:
        ModelError: the model's log-probabilities aren't finite.
    """
    scorer = Scorer(model, tokenizer)
    windows = verbatim_windows(scorer.encoder, panel.trained_texts)
    windows = [window for window in windows if len(window.ids) <= scorer.max_length]
    text_sets = {
        "domain": panel.domain,
        "general": panel.general,
        "general_project": panel.general_project,
        "general_reference": panel.general_reference,
        "own": panel.own,
    }
    sets = {
        "questions": panel.questions,
        "controls": panel.controls,
        "general_questions": panel.general_questions,
        "probes": panel.probes,
    }
    starts = sample_starts(panel.trained_texts)
    ticker = _Ticker(progress, [*_items(panel), *windows, *starts])
    result: dict[str, Any] = {
        "scorer_version": SCORER_VERSION,
        "general_source": panel.general_source,
    }
    for name, texts in text_sets.items():
        groups = ticker.over(texts, f"{name.replace('_', ' ')} texts")
        result[name] = [row for group in groups for row in _texts(scorer, group, panel)]
    bare = priors(scorer, [question for questions in sets.values() for question in questions])
    counted = scorer.encoder if base_tokenizer is None else Encoder(base_tokenizer)
    for name, questions in sets.items():
        result[name] = _asked(scorer, name, questions, bare, counted, ticker)
    result["open_book"] = [
        row
        for group in ticker.over(panel.open_book, "questions with their passage")
        for row in _open_book(scorer, group)
    ]
    result["few_shot"] = []
    result["grammar"] = [
        row for group in ticker.over(panel.grammar, "grammar") for row in judge_pairs(scorer, group)
    ]
    result["verbatim"] = [
        row for group in ticker.over(windows, "verbatim recall") for row in recited(scorer, group)
    ]
    result["copied"] = [
        row
        for _ in ticker.over(starts, "writing freely")
        for row in copied(scorer, panel.trained_texts)
    ]
    if panel.languages:
        result["languages"] = dict(panel.languages)
    if panel.parallel:
        result["parallel"] = [
            row
            for group in ticker.over(panel.parallel, "translations")
            for row in ask_translations(scorer, group)
        ]
    if panel.instructions:
        told = ticker.over(panel.instructions, "instructions")
        result["instructions"] = [row for group in told for row in follow(scorer, group)]
    if panel.preferences:
        pairs = ticker.over(panel.preferences, "preferences")
        result["preferences"] = [row for group in pairs for row in prefer(scorer, group)]
    result["divergence"] = [] if reference is None else divergences(scorer, reference)
    return result


def few_shot_prompts(panel: Panel) -> tuple[str, tuple[Question, ...]]:
    """(three answered examples, the 80 general questions asked behind them), chosen by hash."""
    known = sorted(panel.general_questions, key=lambda q: text_hash(f"few\x1f{q.id}"))
    examples = "\n\n".join(f"{shot.prompt} {shot.answer}" for shot in known[:SHOTS])
    return examples, tuple(known[SHOTS : SHOTS + FEW_SHOT_QUESTIONS])


def ask_few_shot(model: Any, tokenizer: Any, panel: Panel) -> list[dict[str, Any]]:
    """Rank the choices of general questions behind three answered ones.

    A model that only lost the form of an answer finds it again in the examples.
    """
    examples, questions = few_shot_prompts(panel)
    scorer = Scorer(model, tokenizer)
    likely = log_probabilities(scorer, questions, [examples] * len(questions))
    return [ranked(question, row) for question, row in zip(questions, likely, strict=True)]


class _Ticker:
    """Hands out items in groups and reports each group when it is done, by the work it was.

    Held-out documents take hundreds of times as long as a choice: counted as items, what is left
    after the first of them would be told as hours.
    """

    def __init__(self, progress: Progress | None, items: Sequence[object]) -> None:
        self.progress, self.total, self.done = progress, sum(map(_work, items)), 0

    def over(
        self, items: Sequence[Item], what: str, of: Callable[[Item], object] = lambda item: item
    ) -> Iterator[Sequence[Item]]:
        """Groups of items; ``of`` gives the panel's item where that isn't the item itself."""
        for start in range(0, len(items), _GROUP):
            group = items[start : start + _GROUP]
            yield group
            self.done += sum(_work(of(item)) for item in group)
            if self.progress is not None:
                self.progress(100 * self.done // self.total, 100, what)


def _work(item: object) -> int:
    """About how many characters a model reads or writes for an item, at least one."""
    if isinstance(item, Question):
        return len(item.prompt) + sum(map(len, item.choices)) + _WRITTEN
    if isinstance(item, Window):
        return _OF_A_TOKEN * len(item.ids)
    if isinstance(item, Judgement):
        return _OF_A_TOKEN * (len(item.prompt) + len(item.chosen) + len(item.rejected))
    if isinstance(item, Translation):
        return len(item.source) + len(item.target) + sum(map(len, item.others))
    if isinstance(item, Pair):
        return len(item.good) + len(item.bad)
    return (len(item[1]) if isinstance(item, tuple) else 0) + _WRITTEN


def _items(panel: Panel) -> Iterator[object]:
    """The items of a panel's sets, one by one."""
    texts = (*panel.domain, *panel.general, *panel.general_project, *panel.general_reference)
    yield from (*texts, *panel.own)
    yield from (*panel.questions, *panel.controls, *panel.probes, *panel.general_questions)
    yield from (*panel.open_book, *panel.grammar, *panel.parallel)
    yield from (*panel.instructions, *panel.preferences)


def _asked(
    scorer: Scorer,
    name: str,
    questions: Sequence[Question],
    bare: dict[str, float],
    counted: Encoder,
    ticker: _Ticker,
) -> list[dict[str, Any]]:
    """One set of questions, ranked; those in new words answered freely too."""
    what = name.replace("_", " ")
    if len({question.id for question in questions}) < len(questions):
        raise ValueError(f"two of the {what} have one id")  # rows are paired by it
    graded = name != "general_questions"  # no measure looks at how those are answered
    free = [n for n, question in enumerate(questions) if graded and question.form == "new"]
    ranks = sorted(set(range(len(questions))) - set(free))
    found: dict[int, tuple[list[float], dict[str, Any]]] = {}
    for places in ticker.over(ranks, what, lambda place: questions[place]):
        group = [questions[place] for place in places]
        for place, likely in zip(places, log_probabilities(scorer, group), strict=True):
            found[place] = likely, {"answer": None, "exact": None}
    room = answer_limits(counted, [questions[place] for place in free])
    by_limit = sorted(zip(room, free, strict=True))
    freely = f"{what}, answered freely"
    for pairs in ticker.over(by_limit, freely, lambda pair: questions[pair[1]]):
        limits, places = zip(*pairs, strict=True)
        asked = answered(scorer, [questions[place] for place in places], limits=limits)
        found.update(zip(places, asked, strict=True))
    scores = [found[place][0] for place in range(len(questions))]
    beyond = beyond_priors(questions, scores, bare)
    rows = []
    for place, (question, others) in enumerate(zip(questions, beyond, strict=True)):
        plain, answer = found[place]
        row = {**ranked(question, plain), "first_beyond_prior": ranked(question, others)["first"]}
        rows.append({**row, **answer} if graded else row)
    return rows


def _open_book(scorer: Scorer, questions: Sequence[Question]) -> list[dict[str, Any]]:
    """Questions behind their passages, as retrieval would ask them."""
    before = [question.passage for question in questions]
    return [
        {**ranked(question, scores), **answer}
        for question, (scores, answer) in zip(
            questions, answered(scorer, questions, before), strict=True
        )
    ]


def _texts(scorer: Scorer, texts: Sequence[tuple[str, str]], panel: Panel) -> list[dict[str, Any]]:
    written = [text for _, text in texts]
    rows: list[dict[str, Any]] = [
        {"id": name, "nats": score.nats, "tokens": score.tokens, "bytes": score.bytes}
        for (name, _), score in zip(texts, scorer.score_texts(written), strict=True)
    ]
    if panel.whole_texts:
        for row, score in zip(rows, scorer.score_texts(written, whole=True), strict=True):
            row["whole_nats"] = score.nats
    return rows
