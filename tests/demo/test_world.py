"""The demonstration's promises: a fair, natural and reproducible world."""

from __future__ import annotations

import csv
import html
import json
import re
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path

from steep.demo import (
    World,
    make_questions,
    make_world,
    write_documents,
    write_questions,
)

SIZES = ((0, 16), (1, 16), (2, 16), (0, 40))
PER_COMPANY_WORDS = (330, 470)


@cache
def world(seed: int, companies: int) -> World:
    return make_world(seed, companies=companies)


@cache
def documents(seed: int, companies: int) -> tuple[str, ...]:
    """All documents; CSV rows and JSON lines count as one each, HTML without its tags."""
    texts: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for path in write_documents(world(seed, companies), Path(folder)):
            text = path.read_text(encoding="utf-8")
            if path.suffix == ".csv":
                rows = csv.DictReader(text.splitlines())
                texts += [f"{row['title']}\n{row['content']}" for row in rows]
            elif path.suffix == ".jsonl":
                items = [json.loads(line) for line in text.splitlines()]
                texts += [f"{item['title']}\n{item['text']}" for item in items]
            elif path.suffix == ".html":
                body = re.sub(r"<script.*?</script>", " ", text, flags=re.DOTALL)
                texts.append(html.unescape(re.sub(r"<[^>]+>", " ", body)))
            else:
                texts.append(text)
    return tuple(texts)


def names_of(w: World) -> list[str]:
    names: set[str] = set()
    for company in w.companies + w.control_companies:
        names |= {company.name, company.city, company.product, str(company.year)}
        for person in (company.founder, company.research_head):
            names |= {person.name, person.last}
    return sorted(names, key=len, reverse=True)


def masked_words(texts: list[str], w: World) -> list[list[str]]:
    """Lower-cased words of each text, every name and year replaced by one and the same word."""
    pattern = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in names_of(w)))
    return [re.findall(r"[a-z0-9]+", pattern.sub(" xname ", text).lower()) for text in texts]


def runs(words: list[str], size: int) -> set[tuple[str, ...]]:
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


def test_same_seed_same_share() -> None:
    for seed, companies in SIZES:
        again = make_world(seed, companies=companies)
        assert again == world(seed, companies)
        assert make_questions(again) == make_questions(world(seed, companies))
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
            first = write_documents(again, Path(one))
            second = write_documents(again, Path(two))
            assert [p.relative_to(one) for p in first] == [p.relative_to(two) for p in second]
            assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


def test_other_seed_other_world() -> None:
    answers = [{fact.answer for fact in world(seed, 16).facts} for seed in (0, 1, 2)]
    assert len(answers[0] & answers[1]) < 15
    assert len(answers[1] & answers[2]) < 15
    assert documents(0, 16) != documents(1, 16)


def test_first_company() -> None:
    for seed, companies in SIZES:
        first = world(seed, companies).companies[0]
        assert (first.name, first.product) == ("TechCorp", "CloudAI")
        assert any("DataFlow" in text for text in documents(seed, companies))


def test_names_are_unique_and_not_nested() -> None:
    for seed, companies in (*SIZES, (3, 400), (4, 12)):
        w = world(seed, companies)
        everyone = w.companies + w.control_companies
        names = [company.name for company in everyone]
        words = [word for name in names for word in name.split()[:1]]
        words += [company.city for company in everyone]
        words += [company.product for company in everyone]
        words += [company.founder.last for company in everyone]
        words += [company.research_head.last for company in everyone]
        assert len(set(words)) == len(words) == 5 * (companies + 12)
        joined = " ".join(words).lower()
        assert all(joined.count(word.lower()) == 1 for word in words)
        if companies <= 80:
            years = [company.year for company in w.companies]
            assert len(set(years)) == len(years)


def test_sizes_out_of_range_are_refused() -> None:
    for companies in (0, 11, 401):
        try:
            make_world(0, companies=companies)
        except ValueError:
            continue
        raise AssertionError(f"{companies} companies were accepted")


def test_every_fact_is_told_often() -> None:
    for seed, companies in SIZES:
        texts = documents(seed, companies)
        for fact in world(seed, companies).facts:
            together = [t for t in texts if fact.subject in t and fact.answer in t]
            assert len(together) >= 3, fact
            assert sum(t.count(fact.answer) for t in together) >= 4, fact


def test_every_relation_is_told_in_many_wordings() -> None:
    for seed, companies in SIZES:
        w = world(seed, companies)
        names = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in names_of(w)))
        wordings: dict[str, set[str]] = {fact.relation: set() for fact in w.facts}
        for text in documents(seed, companies):
            for sentence in re.split(r"(?<=[.!])\s+|\n+", text):
                masked = names.sub("NAME", sentence)
                for fact in w.facts:
                    if fact.answer in sentence:
                        wordings[fact.relation].add(masked)
        assert all(len(found) >= 20 for found in wordings.values())


def test_controls_are_told_nowhere() -> None:
    for seed, companies in SIZES:
        w = world(seed, companies)
        everything = "\n".join(documents(seed, companies)).lower()
        assert len(w.control_facts) >= 40
        assert not {f.answer for f in w.facts} & {f.answer for f in w.control_facts}
        for fact in w.control_facts:
            for text in (fact.subject, fact.answer, *fact.aliases):
                assert text.lower() not in everything, text
            assert fact.subject.split()[0].lower() not in everything


def test_no_years_but_founding_years() -> None:
    for seed, companies in SIZES:
        founding = {str(company.year) for company in world(seed, companies).companies}
        numbers = re.findall(r"\d{4}", "\n".join(documents(seed, companies)))
        assert set(numbers) <= founding


def test_questions_share_no_run_of_words_with_documents() -> None:
    for seed, companies in SIZES:
        w = world(seed, companies)
        texts = masked_words(list(documents(seed, companies)), w)
        questions = masked_words([str(i["question"]) for i in make_questions(w)], w)
        seen = {size: {run for text in texts for run in runs(text, size)} for size in (2, 3, 4)}
        for words in questions:
            size = min(4, len(words))
            assert not runs(words, size) & seen[size], words


def test_no_question_is_written_in_a_document() -> None:
    for seed, companies in SIZES:
        everything = "\n".join(documents(seed, companies))
        assert "?" not in everything
        assert not re.search(r"\b(question|answer|faq|q|a):", everything, flags=re.IGNORECASE)


def test_question_items() -> None:
    for seed, companies in SIZES:
        w = world(seed, companies)
        facts = {fact.id: fact for fact in w.facts + w.control_facts}
        items = make_questions(w)
        asked = Counter(str(item["fact"]) for item in items if item["kind"] == "fact")
        assert set(asked) == {fact.id for fact in w.facts}
        assert set(asked.values()) == {2}
        assert sum(item["kind"] == "control" for item in items) >= 40
        assert len({str(item["question"]) for item in items}) == len(items)
        for item in items:
            fact, choices = facts[str(item["fact"])], item["choices"]
            assert isinstance(choices, list)
            assert len(set(choices)) == len(choices) == 10
            assert choices.count(fact.answer) == 1
            assert (item["answer"], item["relation"]) == (fact.answer, fact.relation)
            assert fact.subject in str(item["question"])
            assert str(item["question"]).endswith("?")
            pool = w.control_facts if item["kind"] == "control" else w.facts
            assert set(choices) <= {f.answer for f in pool if f.relation == fact.relation}


def test_right_choice_has_no_favourite_place() -> None:
    items = [item for seed in (0, 1, 2) for item in make_questions(world(seed, 16))]
    places: Counter[int] = Counter()
    for item in items:
        choices = item["choices"]
        assert isinstance(choices, list)
        places[choices.index(item["answer"])] += 1
    assert len(places) == 10
    assert max(places.values()) < len(items) / 5


def test_write_questions() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deep" / "questions.jsonl"
        write_questions(world(0, 16), path)
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert rows == make_questions(world(0, 16))


def test_share_keeps_its_budget() -> None:
    low, high = PER_COMPANY_WORDS
    for seed, companies in SIZES:
        texts = documents(seed, companies)
        words = [len(text.split()) for text in texts]
        assert low * companies <= sum(words) <= high * companies, sum(words)
        assert max(words) <= 400
        if companies == 16:
            assert 45 <= len(texts) <= 80
