"""Questions with known answers: the user's file, the packaged panel, and their wrong answers."""

from __future__ import annotations

import difflib
import json
import math
import random
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from steep.artifact import text_hash
from steep.errors import UserInputError
from steep.proof.answers import evaluate_accuracy, normalise_answer, overlaps, same_answer
from steep.proof.dates import ENGLISH_MONTHS, is_same_day

PROMPT = "Question: {question}\nAnswer:"
Form = Literal["new", "text", "reversed"]
DISTRACTORS = 9
MIN_DISTRACTORS = 4
_KEYS = ("question", "answer", "aliases", "choices", "relation")  # "kind" and such are real words
_NEARLY, _MOST_LETTERS = 0.8, 2  # "alias", "Choices"; not "question_id"

_YEAR = re.compile(r"[12]\d{3}")
_DATE = re.compile(
    rf"\d{{1,4}}[-/.]\d{{1,2}}[-/.]\d{{1,4}}|(?=.*\d).*\b(?:{ENGLISH_MONTHS})\b.*", re.IGNORECASE
)
_NUMBER = re.compile(r"\W{0,2}\d[\d.,'\u2019 ]*\s*(?:%|[^\W\d]+\.?)?(?:\s[^\W\d]+)?")


_SHORT_UNIT = 3  # letters: "days" and "day" are one unit, "ms" and "m" aren't
_FIGURES = re.compile(r"[\d.,'\u2019\s]+")
_PAIRS = (("yes", "no"), ("true", "false"), ("ja", "nein"), ("ja", "nee"), ("ja", "nej"),
          ("oui", "non"), ("sí", "no"), ("si", "no"), ("sim", "não"), ("да", "нет"))  # fmt: skip


@dataclass(frozen=True)
class Question:
    """A question about one fact.

    Attributes:
        id: its name in results, unique in its file.
        question, answer: as asked and as expected.
        aliases: other answers that are right.
        choices: the answer among wrong ones, or empty if it can only be answered freely.
        kind: "fact" if training may teach it, "control" if nothing trained on says it.
        relation: what is asked about ("founder"), for fair wrong answers; may be empty.
        cluster: questions that aren't independent share it, and are resampled together: those
            about one fact, or about one document.
        form: how it is asked: "new" in other words than the documents', "text" in their own
            words (then it is no question but the beginning of a sentence), "reversed" from the
            value to what has it.
        passage: the place in the documents that answers it; empty if none is known.
    """

    id: str
    question: str
    answer: str
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    kind: Literal["fact", "control"] = "fact"
    relation: str = ""
    cluster: str = ""
    form: Form = "new"
    passage: str = ""

    @property
    def prompt(self) -> str:
        """What a model is given; its answer comes behind (after a space, if the script has any)."""
        return self.question if self.form == "text" else PROMPT.format(question=self.question)

    @property
    def truths(self) -> tuple[str, ...]:
        """The answer and its aliases."""
        return (self.answer, *self.aliases)


def load_questions(path: str | Path) -> list[Question]:
    """Read questions from JSON lines with keys question, answer and, if wanted, aliases, choices,
    kind ("fact" or "control"), relation (or topic), fact (its cluster), form ("new", "text" or
    "reversed", see ``Question``) and id. Others are ignored, unless one is nearly a key from here.

    Raises:
        UserInputError: the file is missing, empty or not UTF-8, a line isn't a question, a key
            is misspelt, or an id stands twice.
    """
    path = Path(path)
    found = _parse(read_given(path, "a JSON-lines file of questions"), str(path))
    if not found:
        raise UserInputError(
            f'{path}: no questions; write one {{"question": …, "answer": …}} on each line'
        )
    return found


def read_given(path: Path, wanted: str) -> str:
    """The text of a file that the user named, in Unicode's NFC as documents are.

    Raises:
        UserInputError: it is missing or a folder (then it says what is ``wanted``), or not UTF-8.
    """
    try:
        return _in_nfc(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UserInputError(f"{path}: no such file; give {wanted}") from None
    except IsADirectoryError:
        raise UserInputError(f"{path}: is a folder; give {wanted}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserInputError(f"{path}: can't be read as UTF-8 text ({error})") from None


def _in_nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def general_questions() -> list[Question]:
    """The packaged panel of general-knowledge questions, each with ten choices."""
    return _parse(_packaged("panel", "general_facts.jsonl"), "general_facts.jsonl")


def general_texts() -> list[tuple[str, str]]:
    """The packaged panel of general texts, as (id, text)."""
    return _packaged_texts("panel", "general_text.jsonl")


def validation_texts() -> tuple[str, ...]:
    """The packaged general texts to choose a strength on; none stands in the panel."""
    return tuple(text for _, text in _packaged_texts("validation", "general_text.jsonl"))


def reference_texts() -> list[tuple[str, str]]:
    """The packaged panel of reference texts, as (id, text): encyclopaedia, news, manuals, law."""
    return _packaged_texts("panel", "reference_text.jsonl")


def validation_reference_texts() -> tuple[str, ...]:
    """The packaged reference texts to choose a strength on; none stands in the panel."""
    return tuple(text for _, text in _packaged_texts("validation", "reference_text.jsonl"))


def guard_texts() -> tuple[str, ...]:
    """The packaged general texts to watch while a model trains; none judges or chooses."""
    return tuple(text for _, text in _packaged_texts("guard", "general_text.jsonl"))


def _packaged_texts(folder: str, name: str) -> list[tuple[str, str]]:
    """Packaged texts, as (id, text)."""
    return [(str(row["id"]), str(row["text"])) for row in _rows(_packaged(folder, name))]


def with_distractors(questions: Sequence[Question], seed: int) -> list[Question]:
    """Give questions without choices up to 9 wrong answers, taken from other questions' answers.

    They come from questions of the same relation and kind; where fewer than 4 are there, from the
    same relation, then from answers of the same shape (year, number with its unit, date, name,
    other) and kind, then of the same shape. To "yes" there is one wrong answer, "no". Never used:
    what equals or would be graded as the right answer, or is its day written otherwise. With fewer
    than 4 of any sort the choices stay empty and only the exact answer counts. The result depends
    on the seed and the questions, not on global state.
    """
    pools: dict[_Sort, dict[str, str]] = defaultdict(dict)
    for question in sorted(questions, key=lambda question: question.answer):
        for sort in _sorts(question):
            pools[sort].setdefault(normalise_answer(question.answer), question.answer)
    return [
        question if question.choices else _widen(question, pools, seed) for question in questions
    ]


def shape(answer: str) -> Literal["year", "date", "number", "name", "other"]:
    """What sort of thing an answer is, from its looks."""
    text = answer.strip()
    if _YEAR.fullmatch(text):
        return "year"
    if _DATE.fullmatch(text):
        return "date"
    if _NUMBER.fullmatch(text):
        return "number"
    return "name" if text[:1].isupper() else "other"


_Sort = tuple[str, str, str]


def _sorts(question: Question) -> list[_Sort]:
    """What a question's wrong answers may have in common with it, the closest first."""
    looks, relation = _looks(question.answer), question.relation
    kin = [("relation", relation, question.kind), ("relation", relation, "")] if relation else []
    return [*kin, ("shape", looks, question.kind), ("shape", looks, "")]


def _opposite(answer: str, pools: Mapping[_Sort, Mapping[str, str]]) -> str:
    """ "No" to "Yes", in the answer's writing; empty for an answer that has none.

    Of several it is one that another question has, which tells the language; else the English one.
    """
    said = normalise_answer(answer)
    others = [two if said == one else one for one, two in _PAIRS if said in (one, two)]
    if not others:
        return ""
    asked = {name for pool in pools.values() for name in pool}
    chosen = next((other for other in others if normalise_answer(other) in asked), others[0])
    if answer.isupper():
        chosen = chosen.upper()
    elif answer[:1].isupper():
        chosen = chosen.capitalize()
    return re.sub(r"[^\W\d]+", chosen, answer, count=1)  # and its full stop


def _looks(answer: str) -> str:
    """An answer's shape, and of a number what it counts: the only one in % would stand out."""
    found = shape(answer)
    if found != "number":
        return found
    unit = _FIGURES.sub("", re.sub(r"^[^\w$€£¥₹]+", "", answer)).casefold()
    return f"number {unit.removesuffix('s') if len(unit) > _SHORT_UNIT else unit}"


def _widen(question: Question, pools: Mapping[_Sort, Mapping[str, str]], seed: int) -> Question:
    """Args: pools: distinct answers of each sort, sorted so that order can't matter."""
    if opposite := _opposite(question.answer, pools):
        both = sorted((question.answer, opposite), key=lambda each: text_hash(f"{seed}:{each}"))
        return replace(question, choices=tuple(both))
    for sort in _sorts(question):
        wrong = _usable(question, pools[sort].values())
        if len(wrong) >= MIN_DISTRACTORS:
            generator = random.Random(f"{seed}:{question.id}")
            chosen = generator.sample(wrong, min(DISTRACTORS, len(wrong)))
            chosen.insert(generator.randrange(len(chosen) + 1), question.answer)
            return replace(question, choices=tuple(chosen))
    return question


def _usable(question: Question, answers: Iterable[str]) -> list[str]:
    """Those of distinct answers that aren't right for the question."""
    return [
        answer
        for answer in answers
        if not evaluate_accuracy(answer, question.truths)
        and not any(overlaps(truth, answer) for truth in question.truths)
        and not any(
            evaluate_accuracy(truth, answer) or is_same_day(truth, answer)
            for truth in question.truths
        )
    ]


def _packaged(folder: str, name: str) -> str:
    return resources.files("steep.proof").joinpath(folder, name).read_text(encoding="utf-8")


def _rows(lines: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.split("\n") if line.strip()]


def _parse(text: str, source: str) -> list[Question]:
    found: list[Question] = []
    seen: dict[str, int] = {}
    asked: dict[tuple[str, str], str] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{source} line {number}"
        try:
            row = json.loads(_in_nfc(json.dumps(json.loads(line), ensure_ascii=False)))
        except ValueError as error:
            raise UserInputError(
                f"{where}: not JSON ({error}); write one object on each line"
            ) from None
        if not isinstance(row, dict):
            raise UserInputError(
                f'{where}: found {_what(row)}; write {{"question": …, "answer": …}}'
            )
        _refuse_misspelt(row, where)
        question = _question(row, where, number)
        if question.id in seen:
            raise UserInputError(
                f"{where}: the id {question.id!r} is already on line {seen[question.id]}; "
                "give each question its own"
            )
        seen[question.id] = number
        # Asked twice, it is no second piece of evidence.
        words = normalise_answer(question.question), normalise_answer(question.answer)
        cluster = asked.setdefault(words, question.cluster)
        found.append(question if "fact" in row else replace(question, cluster=cluster))
    return found


def _refuse_misspelt(row: Mapping[str, Any], where: str) -> None:
    """Keys of the user's own are ignored, but not one that is nearly a key from here."""
    for key in row:
        plain = key.strip().lower()
        near = difflib.get_close_matches(plain, _KEYS, n=1, cutoff=_NEARLY)
        if key not in _KEYS and near and abs(len(plain) - len(near[0])) <= _MOST_LETTERS:
            raise UserInputError(f'{where}: "{key}" is no key here; did you mean "{near[0]}"?')


def _question(row: dict[str, Any], where: str, number: int) -> Question:
    name = _text(row, "id", where) if row.get("id") is not None else f"line-{number}"
    answer = _text(row, "answer", where)
    aliases = _texts(row, "aliases", where)
    kind = row.get("kind", "fact")
    if kind not in ("fact", "control"):
        raise UserInputError(f'{where}: "kind" is {kind!r}; it is "fact" or "control"')
    form = row.get("form", "new")
    if form not in ("new", "text", "reversed"):
        raise UserInputError(
            f'{where}: "form" is {form!r}; it is "new" (in other words than the documents\'), '
            '"text" (the beginning of a sentence of theirs) or "reversed"'
        )
    relation = row.get("relation") or row.get("topic") or ""
    return Question(
        id=name,
        question=_text(row, "question", where),
        answer=answer,
        aliases=aliases,
        choices=_choices(row, answer, aliases, where),
        kind=kind,
        relation=str(relation),
        cluster=_text(row, "fact", where) if row.get("fact") is not None else name,
        form=form,
    )


def _choices(
    row: dict[str, Any], answer: str, aliases: Sequence[str], where: str
) -> tuple[str, ...]:
    """The given choices without repetitions, the answer among them and its aliases not."""
    given = _texts(row, "choices", where)
    if not given:
        return ()
    taken = [answer, *aliases]
    kept: list[str] = []
    placed = False
    for choice in given:
        if not placed and same_answer(choice, answer):
            kept.append(answer)
            placed = True
        elif not any(same_answer(choice, other) for other in taken):
            kept.append(choice)
            taken.append(choice)
    if not placed:
        kept.append(answer)
    if len(kept) < 2:
        raise UserInputError(
            f'{where}: "choices" holds no wrong answer; add some, or leave the key out'
        )
    return tuple(kept)


def _text(row: dict[str, Any], key: str, where: str) -> str:
    """A required text; a number is taken as its digits."""
    if key not in row:
        raise UserInputError(f'{where}: "{key}" is missing; add it')
    return _as_text(row[key], f'"{key}"', where)


def _texts(row: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = row.get(key)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise UserInputError(
            f'{where}: "{key}" is {_what(value)}; write a list of texts, like ["…", "…"]'
        )
    return tuple(_as_text(item, f'an item of "{key}"', where) for item in value)


def _as_text(value: Any, what: str, where: str) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        value = str(value)
    if not isinstance(value, str):
        raise UserInputError(f"{where}: {what} is {_what(value)}; write a text in quotes")
    text = " ".join(value.split())
    if not text:
        raise UserInputError(f"{where}: {what} is empty; fill it in or remove it")
    return text


def _what(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return "null" if value is None else names.get(type(value), "a number")
