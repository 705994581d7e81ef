"""Question files, their errors, and wrong answers that are fair."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from steep.errors import UserInputError
from steep.proof import answers
from steep.proof.answers import evaluate_accuracy
from steep.proof.questions import (
    Question,
    general_questions,
    general_texts,
    load_questions,
    shape,
    with_distractors,
)

YEARS = [Question(f"y{n}", f"When was {n}?", str(1900 + n)) for n in range(12)]
NAMES = [Question(f"n{n}", f"Who is {n}?", f"Person {chr(65 + n)}x") for n in range(6)]


def write(folder: Path, *lines: str) -> Path:
    path = folder / "questions.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_full_line_and_a_short_one(tmp_path: Path) -> None:
    full = {
        "id": "q1", "question": "Where is it?", "answer": "Oslo", "aliases": ["Oslo, Norway"],
        "choices": ["Rome", "Bern", "rome", "Oslo, Norway"], "kind": "control",
        "relation": "seat", "fact": "f1", "colour": "red",
    }  # fmt: skip
    short = {"question": "When?", "answer": 1987}
    first, second = load_questions(write(tmp_path, json.dumps(full), "", json.dumps(short)))
    assert first == Question(
        "q1", "Where is it?", "Oslo", ("Oslo, Norway",), ("Rome", "Bern", "Oslo"), "control",
        "seat", "f1",
    )  # fmt: skip
    assert second == Question("line-3", "When?", "1987", cluster="line-3")
    assert first.truths == ("Oslo", "Oslo, Norway")


def test_a_choice_written_like_the_answer_is_the_answer(tmp_path: Path) -> None:
    line = json.dumps({"question": "?", "answer": "The Nile", "choices": ["Rhine", "nile."]})
    (question,) = load_questions(write(tmp_path, line))
    assert question.choices == ("Rhine", "The Nile")


# Broken by: choices compared without vowel signs, comparators or currencies.
@pytest.mark.parametrize(
    "choices",
    [
        ("राम", "रीमा", "रोम", "रामा"),
        ("< 5 mmol/L", "> 5 mmol/L", "≥ 5 mmol/L", "= 5 mmol/L"),
        ("€500", "$500", "£500", "€600"),
        ("+", "-"),
    ],
)
def test_choices_that_differ_in_a_sign_are_wrong_answers(
    choices: tuple[str, ...], tmp_path: Path
) -> None:
    line = json.dumps({"question": "?", "answer": choices[0], "choices": choices})
    (question,) = load_questions(write(tmp_path, line))
    assert question.choices == choices


def test_the_answer_without_its_optional_signs_is_no_wrong_choice(tmp_path: Path) -> None:
    line = json.dumps({"question": "?", "answer": "محمد", "choices": ["مُحَمَّد", "علي"]})
    (question,) = load_questions(write(tmp_path, line))
    assert question.choices == ("محمد", "علي")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "not JSON"),
        ("[1]", "found a list"),
        ('{"answer": "x"}', '"question" is missing'),
        ('{"question": "x"}', '"answer" is missing'),
        ('{"question": "x", "answer": " "}', '"answer" is empty'),
        ('{"question": "x", "answer": null}', '"answer" is null'),
        ('{"question": "x", "answer": true}', "true or false"),
        ('{"question": "x", "answer": "y", "aliases": "z"}', '"aliases" is a text'),
        ('{"question": "x", "answer": "y", "choices": [{}]}', 'an item of "choices" is an object'),
        ('{"question": "x", "answer": "y", "choices": ["y"]}', "no wrong answer"),
        ('{"question": "x", "answer": "y", "kind": "other"}', "\"kind\" is 'other'"),
        ('{"question": "x", "answer": "y", "id": "a"}', "already on line 1"),
        ('{"question": "x", "answer": NaN}', '"answer" is a number'),
        ('{"question": "x", "answer": "y", "alias": ["z"]}', 'did you mean "aliases"?'),
        ('{"question": "x", "answer": "y", "Choices": ["z"]}', 'did you mean "choices"?'),
    ],
)
def test_errors_name_the_line(line: str, says: str, tmp_path: Path) -> None:
    path = write(tmp_path, '{"question": "q", "answer": "a", "id": "a"}', "", line)
    with pytest.raises(UserInputError) as raised:
        load_questions(path)
    assert "questions.jsonl line 3: " in str(raised.value) and says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_keys_of_the_users_own_are_ignored(tmp_path: Path) -> None:
    line = {"question": "x", "answer": "y", "question_id": 7, "format": "short", "answers": 2}
    with pytest.raises(UserInputError, match='did you mean "answer"'):
        load_questions(write(tmp_path, json.dumps(line)))
    del line["answers"]
    assert load_questions(write(tmp_path, json.dumps(line)))[0].answer == "y"


def test_missing_and_empty_files(tmp_path: Path) -> None:
    with pytest.raises(UserInputError, match="no such file"):
        load_questions(tmp_path / "none.jsonl")
    with pytest.raises(UserInputError, match="no questions"):
        load_questions(write(tmp_path, "", " "))
    path = tmp_path / "bytes.jsonl"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserInputError, match="UTF-8"):
        load_questions(path)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("1987", "year"), ("3 May 1987", "date"), ("1987-05-03", "date"), ("March 2001", "date"),
        ("42", "number"), ("$1,200", "number"), ("3.5 million", "number"), ("12%", "number"),
        ("Ada Lovelace", "name"), ("blue", "other"), ("may be", "other"),
        ("Marched 3 times", "name"), ("12 Deccan Road", "number"), ("Sept. 2001", "date"),
    ],
)  # fmt: skip
def test_shapes(answer: str, expected: str) -> None:
    assert shape(answer) == expected


def test_distractors_have_the_answers_shape() -> None:
    widened = with_distractors([*YEARS, *NAMES], seed=0)
    for question in widened:
        assert question.choices.count(question.answer) == 1
        assert len(set(question.choices)) == len(question.choices)
        assert {shape(choice) for choice in question.choices} == {shape(question.answer)}
    assert {len(question.choices) for question in widened} == {10, 6}


def test_distractors_dont_depend_on_order_and_do_on_the_seed() -> None:
    one = {question.id: question for question in with_distractors(YEARS, 1)}
    two = {question.id: question for question in with_distractors(YEARS[::-1], 1)}
    assert one == two
    assert list(one.values()) != with_distractors(YEARS, 2)


def test_relation_and_kind_come_first() -> None:
    def made(name: str, relation: str, kind: str, answer: str) -> Question:
        return Question(name, "?", answer, relation=relation, kind=kind)  # type: ignore[arg-type]

    facts = [made(f"f{n}", "seat", "fact", f"Town {n}f") for n in range(6)]
    controls = [made(f"c{n}", "seat", "control", f"Town {n}c") for n in range(6)]
    others = [made(f"o{n}", "head", "fact", f"Person {n}") for n in range(6)]
    widened = with_distractors([*facts, *controls, *others], 0)
    for question in widened:
        assert {choice[-1] for choice in question.choices} == (
            {question.answer[-1]} if question.relation == "seat" else set("012345")
        )


def test_right_answers_are_no_distractors() -> None:
    target = Question("t", "?", "New York", aliases=("NYC",))
    right = [
        Question(f"r{n}", "?", text) for n, text in enumerate(("NYC", "new york", "New York City"))
    ]
    (first, *_) = with_distractors([target, *right, *NAMES], 0)
    assert len(first.choices) == 7
    assert sum(evaluate_accuracy(choice, target.truths) for choice in first.choices) == 1


# Broken by: numbers of all units in one pool, or a number of another unit where there are too few.
def test_a_number_is_among_numbers_of_its_unit() -> None:
    shares = [Question(f"p{n}", "?", f"{n}5%") for n in range(1, 7)]
    others = [
        Question(f"o{n}", "?", f"{n}0 {unit}") for n, unit in enumerate(["km", "kg", "GB"], 1)
    ]
    widened = with_distractors([*shares, *others], 0)
    assert all(choice.endswith("%") for choice in widened[0].choices)
    assert [len(question.choices) for question in widened] == [6] * 6 + [0] * 3


# Broken by: the opposite in its own writing (the truth would be the one with a capital or a full
# stop), or English for whatever may be.
@pytest.mark.parametrize(
    ("answers", "both"),
    [
        (["Yes", "No"], {"Yes", "No"}), (["Yes.", "no"], {"Yes.", "No."}),
        (["TRUE", "FALSE"], {"TRUE", "FALSE"}), (["Sí", "No"], {"Sí", "No"}),
        (["ja", "nee"], {"ja", "nee"}), (["no", "Paris"], {"no", "yes"}),
    ],
)  # fmt: skip
def test_yes_has_one_wrong_answer_in_its_writing(answers: list[str], both: set[str]) -> None:
    asked = [Question(f"q{n}", "?", answer) for n, answer in enumerate(answers * 4)]
    assert set(with_distractors([*asked, *NAMES], 0)[0].choices) == both
    widened = with_distractors(asked, 0)
    if both == set(answers):  # the same choices, in the same order
        assert widened[0].choices == widened[1].choices


# Broken by: the id as the cluster of whatever has no fact.
def test_a_question_that_stands_twice_is_asked_once_as_far_as_proof_goes(tmp_path: Path) -> None:
    line = '{"question": "Who built it?", "answer": "Ada"}'
    again = '{"question": "who built it", "answer": "Ada."}'
    other = '{"question": "Who built it?", "answer": "Bo"}'
    found = load_questions(write(tmp_path, line, other, again))
    assert [question.cluster for question in found] == ["line-1", "line-2", "line-1"]
    of_a_fact = '{"question": "Who built it?", "answer": "Ada", "fact": "mill"}'
    found = load_questions(write(tmp_path, line, of_a_fact, of_a_fact.replace("Who", "Say who")))
    assert [question.cluster for question in found] == ["line-1", "mill", "mill"]


def test_too_few_distractors_leave_the_question_open() -> None:
    few = with_distractors(NAMES[:4], 0)
    assert all(question.choices == () for question in few)
    given = Question("g", "?", "x", choices=("x", "y"))
    assert with_distractors([given, *NAMES[:2]], 0)[0] is given


def test_the_packaged_panels() -> None:
    questions, texts = general_questions(), general_texts()
    assert len(questions) >= 50 and len(texts) >= 20
    for question in questions:
        assert len(question.choices) == 10 and question.answer in question.choices
        assert question.relation
    assert all(len(text) > 200 for _, text in texts)
    assert len({name for name, _ in texts}) == len(texts)


def test_a_question_may_name_its_form(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    rows = [
        {"question": "Who runs it?", "answer": "Ida"},
        {"question": "The mill is run by", "answer": "Ida", "form": "text"},
        {"question": "What does Ida run?", "answer": "the mill", "form": "reversed"},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = load_questions(path)
    assert [question.form for question in found] == ["new", "text", "reversed"]
    assert found[1].prompt == "The mill is run by"
    path.write_text(json.dumps({**rows[0], "form": "old"}))
    with pytest.raises(UserInputError, match=r'line 1: "form" is \'old\'; it is "new"'):
        load_questions(path)


# Broken by: _read without its cache, or pools made anew for each question: a thousand questions
# took minutes, whenever inputs were read.
def test_answers_are_read_once_however_many_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = answers.first_line
    monkeypatch.setattr(answers, "first_line", lambda text: read.append(text) or real(text))
    many = [Question(f"m{n}", f"Who came {n}th?", f"Guest Zy{n}") for n in range(60)]
    widened = with_distractors(many, seed=0)
    assert all(len(question.choices) == 10 for question in widened)
    assert len(read) <= len(many)


# Broken by: normalising the file's letters, and not those that JSON spells out.
@pytest.mark.parametrize("spelled", ["caf\u00e9", "cafe\u0301", "cafe\\u0301"])
def test_questions_are_in_the_letters_of_documents(spelled: str, tmp_path: Path) -> None:
    line = f'{{"question": "Where? {spelled}", "answer": "{spelled}", "aliases": ["x {spelled}"]}}'
    (found,) = load_questions(write(tmp_path, line))
    assert (found.question, found.answer) == ("Where? caf\u00e9", "caf\u00e9")
    assert found.aliases == ("x caf\u00e9",)
