import base64
import json
import random

import pytest

from steep.documents.tables.long_texts import long_texts

LONG = "The pump stops when its seal is worn, since water then runs into the bearing. " * 4
LONG = LONG.strip()
OTHER = "Rain falls from clouds, and what the ground can't hold runs off into the brooks. " * 4


def texts(fields: dict[str, object], **known: str) -> list[str]:
    return [one.text for one in long_texts(fields, known)]


def test_texts_are_found_wherever_they_are_nested() -> None:
    fields = {"note": "short", "a": {"summary": LONG, "Text": OTHER}, "b": [[OTHER[5:]]]}
    assert texts(fields) == [f"a summary: {LONG}", OTHER.strip()]
    assert [one.is_inner for one in long_texts(fields, {})] == [False, True]
    paragraphs: dict[str, object] = {"paragraphs": [LONG, "So change the seal once a year."]}
    assert texts(paragraphs) == [f"paragraphs: {LONG}\n\nSo change the seal once a year."]


# Broken by: headings left out of _paragraphs; short parts left out; what parts nest left out.
def test_parts_are_told_in_order() -> None:
    sections = [
        {"heading": "Stop", "content": LONG, "notes": [{"text": OTHER}]},
        {"heading": "Go", "content": "Press it.", "page": 7},
        {"heading": "End"},
    ]
    assert texts({"sections": sections}) == [
        f"Stop\n\n{LONG}\n\n{OTHER.strip()}\n\nGo\n\nPress it.\n\nEnd"
    ]
    assert texts({"rows": [{"text": "one"}, {"text": "two"}]}) == []


@pytest.mark.parametrize(("who", "what"), [("role", "content"), ("from", "value")])
def test_a_talk_says_who_says_what(who: str, what: str) -> None:
    turns = [{who: "user", what: "Why?"}, {who: "assistant", what: "It is worn."}]
    assert texts({"turns": turns}) == ["user: Why?\n\nassistant: It is worn."]
    assert texts({"turns": [{what: "Why?"}, {what: "It is worn."}]}) == []


# Broken by: _SAME = 2 (nothing is left out) or _WINDOW_WORDS = 1 (the abstract is).
def test_a_text_in_another_form_is_left_out_and_an_abstract_is_not() -> None:
    words = [f"{one}{two}" for one in "abcdefgh" for two in ("er", "in", "ol", "um", "ast")]
    draw = random.Random(1)
    body = " ".join(draw.choice(words) for _ in range(3000))
    abstract = " ".join(draw.choice(words) for _ in range(80))
    html = "".join(f"<p>{body[at : at + 900]}</p>" for at in range(0, len(body), 900))
    fields = {"body": body, "html": html, "lower": body.upper(), "abstract": abstract}
    assert texts(fields, body=body) == [body, f"abstract: {abstract}"]


NOISE = random.Random(0).randbytes(300)


# Broken by: _prose without its tests for data, letters, the length of words, or lists of tags.
@pytest.mark.parametrize(
    "value",
    [
        [0.123] * 99,
        list(range(300)),
        base64.b64encode(NOISE).decode(),
        NOISE.hex(),
        NOISE,
        json.dumps({"key": "some words in a value of an object, again and again. " * 9}),
        " ".join(f"https://example.org/some/page/{n}" for n in range(30)),
        [f"tag {n}" for n in range(99)],
        "12.5 13.5 " * 50,
        "short",
        {"a": None},
    ],
)
def test_data_is_no_text(value: object) -> None:
    assert texts({"value": value}) == []


@pytest.mark.parametrize(
    "text", ["公司成立于一九九八年，总部位于北京。" * 20, "कंपनी पुणे में है। " * 20]
)
def test_scripts_without_latin_letters_are(text: str) -> None:
    assert texts({"note": text}) == [f"note: {text.strip()}"]
