"""Runs in a new language and with dates: what is trained, judged, counted and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import steep
from steep.documents.record import Document
from steep.errors import UserInputError
from steep.proof.languages import held_out_languages
from steep.recipe import Recipe, load_recipe
from steep.stages.base import open_base
from steep.stages.inputs import read_inputs
from steep.stages.prepare import data_key, draft
from steep.workflow import report
from tests.stages.project import write_project
from tests.tiny import save_tiny_model

RECIPES = Path(__file__).parents[2] / "recipes"
HINDI = [
    "दिल्ली के बाज़ार में एक कुम्हार रहता था। वह हर सुबह नदी के किनारे जाता और सूरज को देखता था।",
    "बारिश के बाद गाँव की सड़क पर पानी भर गया। बच्चों ने काग़ज़ की नावें बनाईं और उन्हें तैराया।",
    "दादी ने कहा कि इस साल आम बहुत मीठे हैं। हमने टोकरी भर आम पड़ोसियों को भी दिए।",
    "रेलगाड़ी दो घंटे की देरी से आई। यात्रियों ने स्टेशन पर चाय पी और अख़बार पढ़ा।",
    "किसान ने खेत में गेहूँ बोया है। अगर ठंड अच्छी रही तो फ़सल मार्च में कट जाएगी।",
    "पुस्तकालय शाम को छह बजे बंद होता है। जो किताब वहाँ नहीं मिलती, उसे मँगवाया जा सकता है।",
    "डॉक्टर के पास मरीज़ों की लंबी क़तार थी। नर्स ने सबका नाम लिखा और उन्हें बैठने को कहा।",
    "पहाड़ पर इस बार बर्फ़ देर से पड़ी। चरवाहे अपनी भेड़ों को लेकर नीचे की घाटी में आ गए।",
    "संगीत की कक्षा में राग यमन सिखाया गया। गुरु ने तानपुरा मिलाया और शिष्य ने आलाप लिया।",
    "चुनाव के दिन विद्यालय में मतदान हुआ। बूढ़े लोगों के लिए कुर्सियाँ और पीने का पानी रखा था।",
    "मछुआरों का मुखिया तूफ़ान से पहले लौट आया। उसकी जाल में एक बड़ी मछली और दो केकड़े थे।",
    "नया पुल बन जाने से शहर का रास्ता छोटा हो गया। अब बस हर बीस मिनट पर चलती है।",
]


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    texts = tmp_path / "texts"
    texts.mkdir()
    for number, text in enumerate(HINDI):
        (texts / f"h{number}.txt").write_text(text, encoding="utf-8")
    save_tiny_model(tmp_path / "base", texts=HINDI[:1])
    pairs = [f"boat {n}\tनाव {n} है" for n in range(12)]
    (tmp_path / "pairs.tsv").write_text("\n".join(pairs), encoding="utf-8")
    return load_recipe(
        RECIPES / "hindi.toml",
        [
            f"model='{tmp_path / 'base'}'",
            f"output_dir='{tmp_path / 'run'}'",
            f"data.domain=['{texts}']",
            "data.held_out_share=0.3",
            *("train.epochs=1", "train.max_seq_length=96", "train.precision='fp32'"),
            *("evaluate.probes=0", f"evaluate.parallel='{tmp_path / 'pairs.tsv'}'"),
        ],
    )


def test_the_hindi_recipe_runs_and_is_judged_in_hindi(recipe: Recipe, tmp_path: Path) -> None:
    outcome = steep.evaluate(recipe)
    measures = {row["name"]: row for row in outcome.evaluation["measures"]}
    ledger = json.loads((tmp_path / "run" / "data" / "ledger.json").read_text())
    assert ledger["sources"]["by_language"] == {"hi": 12} and ledger["balanced"]
    assert ledger["contamination"]["against"]["parallel"] == 12
    held_out = measures["bits_per_byte_hi"]
    assert held_out["n"] == ledger["documents"]["held_out"] >= 2 and held_out["ci95"]
    assert held_out["base"] == measures["domain_bits_per_byte"]["base"]
    assert held_out["tuned"] < held_out["base"]
    assert measures["parallel_accuracy"]["n"] == measures["parallel_bits_per_byte"]["n"] == 12
    page = report(recipe)
    said = page.with_suffix(".md").read_text(encoding="utf-8")
    for name in ("your held-out documents in hi", "translations told from nine other sentences"):
        assert name in said and name in page.read_text(encoding="utf-8")
    (tmp_path / "pairs.tsv").write_text("one column\n")
    with pytest.raises(UserInputError, match="line 1 has 1 columns"):
        read_inputs(recipe)


def _documents(*languages: str | None) -> list[Document]:
    return [Document(f"text {n}", "", "s", language=tag) for n, tag in enumerate(languages)]


ENGLISH = [("g", "The king of the town was in the harbour with the men for that is the law.")]


# Broken by: telling languages apart wherever one is known.
def test_languages_are_told_apart_only_where_there_is_something_to_tell() -> None:
    assert held_out_languages(_documents("en", "en", None), ENGLISH) == ()
    assert held_out_languages(_documents(None, None), ENGLISH) == ()
    assert held_out_languages(_documents("en", "en", "de"), ENGLISH) == ()  # one has no interval
    alone = _documents("hi-IN", "hi", None)
    assert held_out_languages(alone, ENGLISH) == ((alone[0].id, "hi"), (alone[1].id, "hi"))
    both = _documents("en", "hi", "en", "hi")
    assert [code for _, code in held_out_languages(both, ENGLISH)] == ["en", "hi", "en", "hi"]


def _dated(tmp_path: Path, **retell: Any) -> tuple[Recipe, Any]:
    tmp_path.mkdir(exist_ok=True)
    path = write_project(tmp_path, data={"general": "reading"}, retell=retell)
    for number, name in enumerate(("acme", "bolt", "cora")):
        old = tmp_path / "docs" / f"{name}.txt"
        old.rename(tmp_path / "docs" / f"{name}-2026-09-0{number + 1}.txt")
    (tmp_path / "docs" / "copy.txt").unlink()
    says = tmp_path / "docs" / "bolt-2026-09-02.txt"
    says.write_text(f"On 2 September 2026: {says.read_text()}")
    return open_base(load_recipe(path))


# Broken by: counting all documents that have a date.
def test_dates_are_counted_and_the_tokens_balance(tmp_path: Path) -> None:
    recipe, base = _dated(tmp_path)
    inputs = read_inputs(recipe)
    found = draft(recipe, inputs, base)
    dated = [document for document in inputs.split.trained if document.date]
    sources = found.ledger["sources"]
    assert found.ledger["balanced"] and sources["dated"] == 3
    assert sources["date_lines"] == len(dated) - 1 > 0
    without = draft(recipe.model_copy(update={"retell": recipe.retell.model_copy(
        update={"dates": False}
    )}), inputs, base)  # fmt: skip
    assert without.ledger["sources"]["date_lines"] == 0
    kinds = [made.ledger["tokens"]["by_kind"] for made in (found, without)]
    assert kinds[0]["document"] > kinds[1]["document"]
    assert kinds[0]["permuted"] > kinds[1]["permuted"] and kinds[0]["cloze"] == kinds[1]["cloze"]


# Broken by: putting dates into the key of documents that have none.
def test_without_dates_the_corpus_is_the_same_as_before(tmp_path: Path) -> None:
    recipe, base = open_base(load_recipe(write_project(tmp_path, data={"general": "reading"})))
    key = data_key(recipe, base, read_inputs(recipe))
    assert "dates" not in key and "dates" not in key["retell"]
    dated, base = _dated(tmp_path / "dated")
    key = data_key(dated, base, read_inputs(dated))
    assert key["dates"] and key["retell"]["dates"] is True
