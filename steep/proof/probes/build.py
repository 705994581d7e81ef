"""From documents to candidate questions: worded, given choices, and spread over the corpus."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Literal

from steep.artifact import text_hash
from steep.corpus.reading import reading_texts
from steep.documents.record import Document
from steep.proof.answers import normalise_answer
from steep.proof.probes.choices import Choices
from steep.proof.probes.index import Index
from steep.proof.probes.items import Item, find_items
from steep.proof.probes.told import Told
from steep.proof.probes.wording import Wording, standing_in
from steep.proof.questions import Question

_MOST_DOCUMENTS = 2000
# Six documents that all gain just show it (2^(1 - 6) = 0.03), and one of eight may stand still or
# lose a little. With fewer, resampling documents says nothing, so facts are resampled.
_FEWEST_DOCUMENTS = 8
_PASSAGE_CHARACTERS = 1500


@dataclass(frozen=True)
class Candidate:
    """One fact asked in all its forms.

    Attributes:
        question: in new words.
        other: in new words too, in another frame; only for screening.
        text: the beginning of the documents' own sentence, if that tells enough.
        back: from the value to what has it, if that has one answer.
        document: the id of the one that states it.
    """

    question: Question
    other: Question
    text: Question | None
    back: Question | None
    document: str = ""


@dataclass(frozen=True)
class Draft:
    """Candidates in the order in which they are to be screened, and how many were left out.

    ``found`` counts facts that could be asked, ``drafted`` those tried, ``worded_as_trained``
    those without a wording of their own, ``without_choices`` those without nine wrong answers.
    """

    facts: tuple[Candidate, ...]
    controls: tuple[Candidate, ...]
    found: int
    drafted: int
    worded_as_trained: int
    without_choices: int


def draft_probes(
    trained: Sequence[Document],
    held_out: Sequence[Document],
    trained_texts: Iterable[str],
    *,
    is_common: Callable[[str], bool],
    wanted: int,
    seed: int,
) -> Draft:
    """Candidates for probes (from trained documents) and for controls (from held-out ones).

    Args:
        trained_texts: every text trained on, retellings and replay included.
        is_common: True for a word, in small letters, that general text uses often.
        wanted: facts of each sort to try, at most.
    """
    some = some_documents(trained, _MOST_DOCUMENTS, seed)
    index = Index(
        [*some, *some_documents(held_out, _MOST_DOCUMENTS // 4, seed)], is_common, reading_texts()
    )
    found = _unrepeated(find_items(index, Choices(index, range(len(some)))))
    chosen = _spread([item for item in found if item.document < len(some)], seed)[:wanted]
    aside = _spread([item for item in found if item.document >= len(some)], seed)[: 2 * wanted]
    told = Told(index, some)
    indexed = {document.id for document in some}
    others = (document for document in trained if document.id not in indexed)
    chosen += told.untold([item for item in aside if not told.holds(item)], others)[:wanted]
    facts: list[Candidate] = []
    controls: list[Candidate] = []
    worded_as_trained = without_choices = 0
    free = _free_wordings(chosen, trained_texts, index)
    for item, (asked, back) in zip(chosen, free, strict=True):
        if len(asked) < 2:
            worded_as_trained += 1
            continue
        rng = random.Random(f"{seed}:{asked[0].question}")
        wrong = item.wrong(rng)
        if not wrong:
            without_choices += 1
            continue
        document = index.documents[item.document].id
        if item.document < len(some):
            facts.append(_candidate(item, asked, back, wrong, "fact", document, rng))
        else:
            controls.append(_candidate(item, asked, back, wrong, "control", document, rng))
    return Draft(
        facts=clustered(facts),
        controls=clustered(controls),
        found=len(found),
        drafted=len(chosen),
        worded_as_trained=worded_as_trained,
        without_choices=without_choices,
    )


def clustered(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The same, those of one document as one cluster; where they are of few documents, each fact.

    To be decided anew whenever some are left out, for facts and controls each by their own: of
    three documents no change could be shown, whatever the others are.
    """
    by_document = len({candidate.document for candidate in candidates}) >= _FEWEST_DOCUMENTS
    return tuple(
        _in_cluster(one, one.document if by_document else one.question.id.removeprefix("probe-"))
        for one in candidates
    )


def _in_cluster(candidate: Candidate, name: str) -> Candidate:
    def put(question: Question | None) -> Question | None:
        return None if question is None else replace(question, cluster=name)

    return replace(
        candidate,
        question=replace(candidate.question, cluster=name),
        other=replace(candidate.other, cluster=name),
        text=put(candidate.text),
        back=put(candidate.back),
    )


def some_documents(documents: Sequence[Document], most: int, seed: int) -> list[Document]:
    """At most so many documents, in their order, chosen by hash.

    Those of one title together, for what one of them says may not be what another does; of a
    title that has too many, some.
    """
    if len(documents) <= most:
        return list(documents)

    def of_title(document: Document) -> str:
        return text_hash(f"{seed}:{' '.join(document.title.casefold().split()) or document.id}")

    ranked = sorted((of_title(d), text_hash(f"{seed}:{d.id}"), d.id) for d in documents)
    cut = ranked[most][0]
    kept = {name for title, _, name in ranked[:most] if title != cut}
    kept = kept or {name for _, _, name in ranked[:most]}
    return [document for document in documents if document.id in kept]


def _unrepeated(items: Iterable[Item]) -> list[Item]:
    """Items whose question is no other's: asked twice it counts once, with two answers never."""
    first: dict[str, Item] = {}
    answers: dict[str, set[str]] = defaultdict(set)
    for item in items:
        question = item.asked[0].question.casefold()
        first.setdefault(question, item)
        answers[question].add(normalise_answer(item.value))
    return [item for question, item in first.items() if len(answers[question]) == 1]


def _spread(items: Sequence[Item], seed: int) -> list[Item]:
    """Items in an order set by hash that takes one of each document in turn."""
    by_document: dict[int, list[Item]] = defaultdict(list)
    for item in sorted(items, key=lambda item: text_hash(f"{seed}:{item.asked[0].question}")):
        by_document[item.document].append(item)
    rounds = zip_longest(*by_document.values())
    return [item for turn in rounds for item in turn if item is not None]


def _free_wordings(
    items: Sequence[Item], texts: Iterable[str], index: Index
) -> list[tuple[list[Wording], list[Wording]]]:
    """For each item its wordings, and its reversed ones, that no training text has."""
    flat = [wording for item in items for wording in (*item.asked, *item.back)]
    free = iter([not stands for stands in standing_in(flat, texts, index.is_name)])
    return [
        (
            [wording for wording in item.asked if next(free)],
            [wording for wording in item.back if next(free)],
        )
        for item in items
    ]


def _candidate(
    item: Item,
    asked: Sequence[Wording],
    back: Sequence[Wording],
    wrong: Sequence[str],
    kind: Literal["fact", "control"],
    document: str,
    rng: random.Random,
) -> Candidate:
    """One item as questions, the fact a cluster of its own."""
    name = text_hash(f"{asked[0].question}\x1f{item.value}")[:12]
    question = Question(
        id=f"probe-{name}",
        question=asked[0].question,
        answer=item.value,
        choices=_mixed(item.value, wrong, rng),
        kind=kind,
        relation=item.relation,
        cluster=name,
        passage=item.passage[:_PASSAGE_CHARACTERS],
    )
    text = turned = None
    if item.lead:
        text = replace(question, id=f"probe-{name}-text", question=item.lead, form="text")
    others = item.wrong_back(rng) if back else ()
    if others:
        turned = replace(
            question,
            id=f"probe-{name}-reversed",
            question=back[0].question,
            answer=item.subject,
            choices=_mixed(item.subject, others, rng),
            form="reversed",
        )
    other = replace(question, id=f"probe-{name}-other", question=asked[1].question)
    return Candidate(question, other, text, turned, document)


def _mixed(answer: str, wrong: Sequence[str], rng: random.Random) -> tuple[str, ...]:
    choices = list(wrong)
    choices.insert(rng.randrange(len(choices) + 1), answer)
    return tuple(choices)
