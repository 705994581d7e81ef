"""Retellings: nothing lost, nothing invented, the same again for the same seed."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath

import pytest

from steep.corpus.frames import BLANK, FRAMES
from steep.corpus.piece import Piece
from steep.corpus.retell import date_lines, retell, titled
from steep.corpus.schedule import Schedule
from steep.corpus.sentences import split_sentences
from steep.corpus.shards import build_shards
from steep.corpus.spans import SpanFinder
from steep.corpus.subjects import fact_hash
from steep.documents.record import Document
from steep.recipe import RetellRecipe
from tests.tiny import tiny_tokenizer

ACME = Document(
    "Acme Corp was founded in 1987 by Maria Cruz. It makes pumps in Lyon.\n\n"
    "Its chair is Paul Weber. The company employs 250 people. They work in Lyon and Berlin. "
    "Acme Corp is listed in Paris.",
    "Acme Corp",
    "acme.txt",
)
OTHER = Document("The town of Lyon has 500,000 people. It lies in France.", "Lyon", "lyon.txt")
HINDI = Document(
    "भारतीय रेल का मुख्यालय नई दिल्ली में है। यह १८५३ में शुरू हुई। इसमें बहुत लोग काम करते हैं।",
    "भारतीय रेल",
    "rail.txt",
)
CHINESE = Document("北京是中国的首都。它有两千万人口。故宫在北京。", "北京", "beijing.txt")


def _retell(documents: Sequence[Document], seed: int = 0, **recipe: object) -> list[Piece]:
    return retell(documents, RetellRecipe.model_validate(recipe), random.Random(seed))


def _filled(frame: str, text: str) -> dict[str, str]:
    """What stands in the places of a frame."""
    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+?)", re.escape(frame))
    match = re.fullmatch(pattern, text, re.DOTALL)
    assert match is not None, text
    return match.groupdict()


def _kind(pieces: Sequence[Piece], kind: str) -> list[Piece]:
    return [piece for piece in pieces if piece.kind == kind]


# Broken by: titled() returning document.title alone, or stripping the text.
# Broken by: leaving out the date of a shuffle, or asking the text of all the document for it.
def test_a_date_stands_on_every_chunk_that_does_not_say_it() -> None:
    text = " ".join(f"The quay number {n} was moved to Basin {n} in Lyon." for n in range(60))
    text += " All of it ended on 2026-09-29."
    dated = Document(text, "Harbour news", "n.txt", date="2026-09-29")
    pieces = _retell([dated, ACME], permute=2)
    own = _kind(pieces, "document")
    assert own[0].text == f"Harbour news\n\n2026-09-29\n\n{text}"
    shuffles = [p.text for p in _kind(pieces, "permuted") if p.document == dated.id]
    assert len(shuffles) > 4
    begun = [shuffle.startswith("Harbour news (2026-09-29): ") for shuffle in shuffles]
    ended = ["ended on 2026-09-29" in shuffle for shuffle in shuffles]
    assert begun == [not says for says in ended] and sum(ended) == 2
    assert all("2026" not in piece.text for piece in pieces if piece.document == ACME.id)
    assert date_lines([dated, ACME], RetellRecipe()) == 1


def test_dates_that_are_said_or_switched_off_add_nothing() -> None:
    said = Document(
        "On 29 September 2026 the quay moved. It went north.", "H", "a", date="2026-09-29"
    )
    entry = Document("The quay moved. It went north.", "Log 2026-09-29", "b", date="2026-09-29")
    record = Document(
        "date: 2026-09-29. town: Lyon.",
        "Row",
        "c",
        fields=(("date", "2026-09-29"), ("town", "Lyon")),
        date="2026-09-29",
    )
    assert [titled(d) for d in (said, entry)] == [
        f"H\n\n{said.text}",
        f"Log 2026-09-29\n\n{entry.text}",
    ]
    assert date_lines([said, entry, record], RetellRecipe()) == 0
    without = [replace(d, date=None) for d in (said, entry, record)]
    assert _retell([entry, record]) == _retell(without[1:])
    late = Document("The quay moved. It went north.", "H", "d", date="2026-09-29")
    assert _retell([late], dates=False) == _retell([replace(late, date=None)])
    assert date_lines([late], RetellRecipe(dates=False)) == 0
    assert "2026" in _retell([late], enabled=False)[0].text


def test_the_document_itself_keeps_all_its_text() -> None:
    pieces = _kind(_retell([ACME, OTHER, HINDI, CHINESE]), "document")
    assert [p.document for p in pieces] == [d.id for d in (ACME, OTHER, HINDI, CHINESE)]
    for piece, document in zip(pieces, (ACME, OTHER, HINDI, CHINESE), strict=True):
        assert document.text in piece.text
        assert document.title in piece.text
        assert piece.text.count(document.text) == 1
    assert titled(ACME) == ACME.text  # it opens with its title
    assert titled(OTHER) == f"Lyon\n\n{OTHER.text}"


# Broken by: _chunks dropping the last chunk.
@pytest.mark.parametrize("document", [ACME, OTHER, HINDI, CHINESE])
def test_each_permutation_holds_every_sentence_that_states_something(document: Document) -> None:
    finder = SpanFinder(split_sentences(document.text))
    stating = [s for s in split_sentences(document.text) if finder.find(s)]
    assert len(stating) >= 2
    pieces = _kind(_retell([document], permute=3, names=False), "permuted")
    assert len(pieces) == 3
    for piece in pieces:
        assert piece.document == document.id
        assert document.title in piece.text
        for sentence in stating:
            assert piece.text.count(sentence) == 1
    orders = {p.text for p in _kind(_retell([ACME], permute=10), "permuted")}
    assert len(orders) > 5


def test_long_documents_are_permuted_in_chunks_under_their_title() -> None:
    text = " ".join(f"Fact number {n} of the handbook is that room {n} is blue." for n in range(80))
    pieces = _kind(_retell([Document(text, "Handbook", "h.txt")], permute=1), "permuted")
    assert len(pieces) > 2
    assert all(piece.text.startswith("Handbook: ") for piece in pieces)
    whole = " ".join(piece.text for piece in pieces)
    assert all(whole.count(f"room {n} is") == 1 for n in range(80))


# Broken by: find_subjects(…, names=False) always.
def test_openings_that_point_back_are_spelled_out() -> None:
    told = " ".join(p.text for p in _kind(_retell([ACME], permute=1), "permuted"))
    for sentence in (
        "Acme Corp makes pumps in Lyon.",
        "Acme Corp's chair is Paul Weber.",
        "Acme Corp's chair is Paul Weber. The company employs 250 people. They work in Lyon",
    ):
        assert sentence in told
    plain = " ".join(p.text for p in _kind(_retell([ACME], permute=1, names=False), "permuted"))
    for opening in ("It makes", "Its chair", "The company employs", "They work"):
        assert opening in plain


@pytest.mark.parametrize(
    "opening", ["Italy borders", "Hers was", "Theory says", "The townsfolk of"]
)
def test_words_that_only_look_like_pronouns_stay(opening: str) -> None:
    document = Document(f"we met Acme Corp in Lyon. {opening} Rome.", "Acme Corp", "a.txt")
    pieces = _kind(_retell([document], permute=1), "permuted")
    assert f"{opening} Rome." in pieces[0].text


# Broken by: blanking sentence.text[: span.start - 1].
@pytest.mark.parametrize(
    ("document", "language"), [(ACME, "en"), (OTHER, "en"), (HINDI, "hi"), (CHINESE, "zh")]
)
def test_cloze_items_give_back_the_sentence(document: Document, language: str) -> None:
    pieces = _kind(_retell([document], names=False, cloze=50), "cloze")
    assert pieces
    sentences = split_sentences(document.text)
    frame = FRAMES[language].cloze
    for piece in pieces:
        answer = piece.text.removeprefix(" ")
        found = _filled(frame, piece.prompt)
        subject, blanked = found["subject"], found["sentence"]
        assert blanked.count(BLANK) == 1
        assert blanked.replace(BLANK, answer) in sentences
        assert answer.casefold() != subject.casefold()
        assert piece.facts == (fact_hash(subject, answer),)
    answers = {piece.text.strip() for piece in pieces}
    if document is ACME:
        assert {"1987", "Maria Cruz", "Lyon", "Paul Weber", "250", "Paris"} <= answers


def test_cloze_items_are_at_most_as_many_as_asked_for() -> None:
    text = "Acme Corp has offices in Lyon, Berlin, Paris, Rome, Madrid, Oslo and Bern."
    document = Document(text, "Acme Corp", "a.txt")
    helper = Document("we saw Lyon, Berlin, Paris, Rome, Madrid, Oslo, Bern", "", "b.txt")
    for most in (0, 2, 5):
        made = _kind(_retell([document, helper], cloze=most), "cloze")
        assert len([p for p in made if p.document == document.id]) == most


def test_braces_in_a_text_are_only_text() -> None:
    document = Document("The template Acme {name} {0} is by Maria Cruz.", "Acme", "t.txt")
    pieces = _kind(_retell([document], cloze=5), "cloze")
    assert any("{name} {0}" in piece.prompt for piece in pieces)


# Broken by: ignoring recipe.enabled.
def test_disabled_leaves_the_documents_alone() -> None:
    pieces = _retell([ACME, OTHER], enabled=False)
    assert [piece.kind for piece in pieces] == ["document", "document"]


# Broken by: random.shuffle for rng.shuffle.
def test_the_seed_decides_and_nothing_else() -> None:
    random.seed(1)
    state = random.getstate()
    one = _retell([ACME, OTHER], seed=3)
    assert random.getstate() == state
    random.seed(2)
    assert _retell([ACME, OTHER], seed=3) == one
    assert _retell([ACME, OTHER], seed=4) != one


# Broken by: hash() for text_hash() in fact_hash (it differs in every process).
def test_a_fact_is_the_same_in_every_form_and_process() -> None:
    assert fact_hash("Acme Corp", "1987") == fact_hash("ACME corp", "1987") == 6665969604415267620
    assert 0 <= fact_hash("a", "b") < 2**63
    pieces = _retell([ACME])
    stated = {kind: {f for p in _kind(pieces, kind) for f in p.facts} for kind in
              ("document", "permuted", "cloze")}  # fmt: skip
    assert fact_hash("Acme Corp", "1987") in stated["document"]
    assert stated["permuted"] == stated["document"]
    assert stated["cloze"] <= stated["document"]


@pytest.mark.parametrize("document", [HINDI, CHINESE])
def test_any_script_gets_its_forms(document: Document) -> None:
    kinds = {piece.kind for piece in _retell([document])}
    assert {"document", "permuted"} <= kinds


@pytest.mark.parametrize("text", ["x", "...", "a\nb", "One. ", "It is. It was. Its. It"])
def test_odd_texts_pass(text: str) -> None:
    for title in ("", "T"):
        pieces = _retell([Document(text, title, "s")])
        assert text in pieces[0].text
        assert all(piece.text.strip() for piece in pieces)


EVERY = {"questions": 2, "reversed": 2, "records": 2, "metadata": 1, "restore": 1, "coverage": 4}
ROW = Document(
    "Town: Lyon. Founder: Maria Cruz. Founded: 1987.",
    "Acme Corp",
    "kb.csv",
    "row 1",
    (("name", "Acme Corp"), ("Town", "Lyon"), ("Founder", "Maria Cruz"), ("Founded", "1987")),
    ("name",),
)
FRENCH = Document(
    "La société Dupont est à Lyon depuis 1987. Elle est dans la ville pour les pompes, et le "
    "directeur de Dupont est Paul Weber. Dupont a des bureaux dans Paris.",
    "Dupont",
    "dupont.txt",
)
TURKISH = Document(
    "Ankara Türkiye'nin başkentidir. Şehir 1923 yılında başkent oldu. Ankara Kalesi eskidir. " * 6,
    "Ankara",
    "ankara.txt",
)
ALL = [ACME, OTHER, HINDI, CHINESE, ROW, FRENCH, TURKISH]


# Broken by: drawing one form's spans from another's generator.
@pytest.mark.parametrize("form", EVERY)
def test_switching_a_form_on_leaves_the_others_as_they_were(form: str) -> None:
    kinds = {"questions": "question", "reversed": "reversed", "restore": "restored"}
    without = _retell(ALL, **{**EVERY, "coverage": 0, form: 0})
    having = _retell(ALL, **{**EVERY, "coverage": 0, form: EVERY[form]})
    if form in kinds:
        assert _kind(having, kinds[form]) and not _kind(without, kinds[form])
        assert [p for p in having if p.kind != kinds[form]] == without
    if form == "coverage":
        assert _retell(ALL, **EVERY)[: len(having)] == having


# Broken by: drawing the seeds of further forms from rng.
def test_further_forms_leave_the_generator_of_shuffles_and_blanks_alone() -> None:
    rng = random.Random(5)
    state = rng.getstate()
    retell(ALL, RetellRecipe.model_validate({**EVERY, "permute": 0, "cloze": 0}), rng)
    assert rng.getstate() == state


def test_every_form_is_off_where_the_recipe_says_so() -> None:
    off = dict.fromkeys([*EVERY, "cloze", "permute"], 0)
    assert {p.kind for p in _retell(ALL, **off)} == {"document"}
    kinds = {"document", "permuted", "cloze", "question", "reversed", "record", "restored"}
    assert {p.kind for p in _retell(ALL, **EVERY)} == kinds


# Broken by: hashing the title or the pair turned round for reversed items.
def test_all_forms_of_a_fact_carry_its_hash() -> None:
    pieces = _retell([ACME, OTHER, ROW], **EVERY)
    told = {fact for p in _kind(pieces, "document") for fact in p.facts}
    for piece in pieces:
        assert set(piece.facts) <= told, piece
        assert len(piece.facts) == len(piece.wordings)
    year = fact_hash("Acme Corp", "1987")
    kinds = {p.kind for p in pieces if year in p.facts}
    assert kinds >= {"document", "permuted", "cloze", "question", "record", "restored"}
    chair = fact_hash("Acme Corp", "Paul Weber")
    assert "reversed" in {p.kind for p in pieces if chair in p.facts}


# Broken by: wording_hash of the whole chunk, or one wording for a sentence's every form.
def test_a_shuffle_is_no_wording_of_its_own_and_an_item_is() -> None:
    pieces = _retell([ACME], permute=3, cloze=9)
    year = fact_hash("Acme Corp", "1987")
    stated = [p for p in pieces if year in p.facts]
    assert [p.kind for p in stated] == ["document", "permuted", "permuted", "permuted", "cloze"]
    assert (
        len({w for p in stated for f, w in zip(p.facts, p.wordings, strict=True) if f == year}) == 2
    )


@pytest.mark.parametrize(
    ("document", "opens"),
    [
        (ACME, "Question: "),
        (FRENCH, "Question : "),
        (HINDI, "प्रश्न: "),
        (CHINESE, "问题："),
        (TURKISH, "? "),
    ],
)
def test_questions_are_asked_in_the_documents_language(document: Document, opens: str) -> None:
    pieces = _kind(_retell([document], questions=3), "question")
    assert pieces
    about = re.compile(rf"([^:]+: )?{re.escape(opens)}")
    assert all(about.match(piece.prompt) for piece in pieces)


# Broken by: a hash of its own for what a form asks, or a row that takes any piece that fits.
def test_no_row_holds_two_forms_of_a_fact() -> None:
    pieces = _retell([ACME, OTHER, ROW, FRENCH], **EVERY)
    shards = build_shards(pieces, tiny_tokenizer(), 512)
    schedule = Schedule(shards, 0, 512, 2, 0.0)
    steps = schedule.steps_for_epochs(3)
    together: set[frozenset[str]] = set()
    for row in (row for step in range(steps) for row in schedule.rows_of(step)):
        stated = [pieces[int(shards.owners[segment])] for segment in row]
        facts = [fact for piece in stated for fact in set(piece.facts)]
        assert len(facts) == len(set(facts))
        together.add(frozenset(piece.kind for piece in stated))
    assert any({"reversed", "cloze"} <= kinds for kinds in together)  # rows do mix forms


# Broken by: taking a record for nothing but its fields.
def test_a_records_long_text_is_retold_like_any_other() -> None:
    text = "Acme Corp pays Maria Cruz in Oslo. " * 2
    fields = (*ROW.fields, ("Motto", "we pump, you drink, and everybody sleeps well at night"))
    whole = f"{ROW.text} Motto: {fields[-1][1]}. {text}"
    document = Document(whole, "Acme Corp", "kb.csv", "row 1", fields, ("name",))
    pieces = _retell([document, ACME], metadata=1)
    own = [p for p in pieces if p.document == document.id]
    assert {p.kind for p in own} >= {"record", "permuted", "cloze"}
    assert any("Acme Corp pays ____" in p.prompt for p in own)
    assert all("Acme Corp pays Maria Cruz" in p.text for p in own if p.kind == "permuted")
    assert not any(re.search(r"Town: ____", p.prompt) for p in own)


NEWS = """Changelog

3.4.0 (2025-06-18)

Added

- Parquet files are written since 2025.
- The option Rho has 5 values.
- Is Tau gone? No, it is called Upsilon now.

3.3.2 (2025-03-11)

- The leak in Sigma lost 12 MB.
- Then Omega was slow for 3 days.
"""


# Broken by: shuffling over headings; the answer apart from its question, "Then" from what it
# follows; headings that stand one below the other taken for a list.
def test_shuffles_leave_things_under_their_headings_and_behind_what_they_lean_on() -> None:
    document = Document(NEWS, "Changelog", "n.md")
    orders = set()
    for seed in range(20):
        (piece,) = _kind(_retell([document], seed, permute=1), "permuted")
        first, second = piece.text.split("3.3.2 (2025-03-11)")
        assert "Changelog. 3.4.0 (2025-06-18) Added. - " in first
        assert all(word in first for word in ("Parquet", "Rho", "Tau gone? No, it"))
        assert second.index("Sigma") < second.index("Then Omega")
        orders.add(first)
    assert len(orders) == 6


# Broken by: a chunk that goes on without the heading, or one that is cut within a group.
def test_a_section_that_is_cut_has_its_heading_again() -> None:
    lines = [
        f"- Release {n} of Acme Corp came in {1900 + n} and was a good one." for n in range(60)
    ]
    document = Document("History of Acme Corp\n\n" + "\n".join(lines), "Acme Corp", "n.md")
    shuffles = [piece.text for piece in _kind(_retell([document], permute=1), "permuted")]
    assert len(shuffles) > 2
    assert all("History of Acme Corp. - Release" in text for text in shuffles)
    assert all(sum(f"in {1900 + n} and" in text for text in shuffles) == 1 for n in range(60))


# Each seen to fail: the name put in was somebody else, or stood for nobody.
@pytest.mark.parametrize(
    "text",
    [
        "Mira Vance leads Harrow Works in Sofia. Petrov is the chief. She was born in 1971.",
        "Mira Vance left in 2016 to found Lumen Drones. It was bought by Airbus in 2020.",
        "Mira Vance runs it. It is known that Mira Vance was born in 1971.",
        "Mira Vance reviews it with Amara Okafor. They are called at 10:30.",
        "In Sofia Mira Vance was born. It has 55 shops.",
        "Mira Vance's shop is in Rome. It has 55 rooms.",
        "Lumen Drones was cold. He left in 1933.",
    ],
)
def test_a_name_stands_for_it_only_where_nothing_else_can_be_meant(text: str) -> None:
    about = Document(
        f"{text} Mira Vance lives in Rome. Lumen Drones stayed.", "Mira Vance", "m.txt"
    )
    pieces = _retell([about], permute=1, cloze=9)
    told = " ".join(p.text for p in _kind(pieces, "permuted"))
    for sentence in split_sentences(text):
        assert sentence in told


# Broken by: the subject of the sentence before, which may be anybody.
def test_a_sentence_without_a_name_is_about_its_document() -> None:
    text = (
        "Harrow Works opened in 1990. Bilbao Leather bought Harrow Works. The price was 7 pounds."
    )
    titled = Document(f"{text} Bilbao Leather closed.", "Harrow Works", "m.txt")
    (asked,) = (p.prompt for p in _kind(_retell([titled], cloze=9), "cloze") if p.text == " 7")
    assert asked.startswith("Fill in the blank about Harrow Works: ")
    untitled = replace(titled, title="m")
    (asked,) = (p.prompt for p in _kind(_retell([untitled], cloze=9), "cloze") if p.text == " 7")
    assert asked.startswith("Fill in the blank about Harrow Works: ")


def test_a_row_is_about_its_first_value() -> None:
    text = (
        "The price list of the year 2025 is for the adults of the ward and for nobody else.\n\n"
        "No: 1; Drug: Ibuprofen; Dose: 400 mg\nNo: 2; Drug: Paracetamol; Dose: 500 mg"
    )
    pieces = _kind(_retell([Document(text, "Adult doses", "m.txt")], cloze=9), "cloze")
    about = {p.text.strip(): p.prompt for p in pieces}
    assert "about Ibuprofen:" in about["400"] and "about Paracetamol:" in about["500"]
    assert not {"Drug", "Dose"} & set(about)


# Broken by: the name of the file taken whatever the text says, or not at all.
@pytest.mark.parametrize(
    ("source", "told"),
    [("harrow-works.txt", True), ("Harrow Works.md", True), ("works.txt", False)],
)
def test_a_file_called_like_its_first_words_is_about_them(source: str, told: bool) -> None:
    text = "Harrow works was founded in 1950 by Ada Weber. It makes pumps in Lyon. Ada Weber left."
    pieces = _retell([Document(text, PurePath(source).stem, source)], permute=1)
    assert any("Harrow works makes pumps in Lyon." in piece.text for piece in pieces) == told
