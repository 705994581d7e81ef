"""The words that retellings put around a document's own, by language.

Nine languages have frames; every other gets the neutral ones, which hold no word of any language.
A document's language is told by its most frequent small words, or its script.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from steep.corpus.spans import WORD, ValueKind
from steep.documents.cleaning.language import language_of as told_language

BLANK = "____"


@dataclass(frozen=True)
class Frames:
    """Frames of one language; each is filled by ``str.format``.

    Attributes:
        cloze: a sentence with a blank: ``{subject}``, ``{sentence}``.
        question: a question: ``{question}``.
        words: the question word for a value of each kind.
        in_place: the question word may stand where the value stood ("founded in which year?");
            else it stands before the sentence with a blank.
        restore: a text with several blanks, to be written out: ``{subject}``, ``{text}``.
        record: sentences that say one field: ``{subject}``, ``{field}``, ``{value}``.
    """

    cloze: str
    question: str
    words: dict[ValueKind, str]
    in_place: bool
    restore: str
    record: tuple[str, ...]


def _words(who: str, when: str, how_much: str, what: str) -> dict[ValueKind, str]:
    return {
        "name": who,
        "date": when,
        "year": when,
        "time": when,
        "percentage": how_much,
        "amount": how_much,
        "quantity": how_much,
        "number": how_much,
        "term": what,
    }


_RECORD = (
    "{subject} – {field}: {value}.",
    "{field} ({subject}): {value}.",
    "{value}: {subject}, {field}.",
)
NEUTRAL = Frames(
    cloze="{subject}: {sentence}\n____ =",
    question="{question}\n? =",
    words=_words("?", "?", "?", "?"),
    in_place=False,
    restore="{subject}: {text}\n=",
    record=_RECORD,
)

FRAMES: dict[str, Frames] = {
    "en": Frames(
        cloze="Fill in the blank about {subject}: {sentence}\nAnswer:",
        question="Question: {question}\nAnswer:",
        words={
            "name": "who or what",
            "date": "which date",
            "year": "which year",
            "time": "which time",
            "percentage": "which percentage",
            "amount": "how much",
            "quantity": "how many",
            "number": "which number",
            "term": "what",
        },
        in_place=True,
        restore="Write out this text about {subject}: {text}\nText:",
        record=(
            "The {field} of {subject} is {value}.",
            "{value} is the {field} of {subject}.",
            "{subject}: the {field} is {value}.",
            "{field} for {subject}: {value}.",
        ),
    ),
    "de": Frames(
        cloze="Fülle die Lücke zu {subject}: {sentence}\nAntwort:",
        question="Frage: {question}\nAntwort:",
        words=_words("Wer oder was?", "Wann?", "Wie viel?", "Was?"),
        in_place=False,
        restore="Schreibe diesen Text über {subject} aus: {text}\nText:",
        record=_RECORD,
    ),
    "fr": Frames(
        cloze="Complétez la phrase sur {subject} : {sentence}\nRéponse :",
        question="Question : {question}\nRéponse :",
        words=_words("Qui ou quoi ?", "Quand ?", "Combien ?", "Quoi ?"),
        in_place=False,
        restore="Écrivez en entier ce texte sur {subject} : {text}\nTexte :",
        record=_RECORD,
    ),
    "es": Frames(
        cloze="Complete la frase sobre {subject}: {sentence}\nRespuesta:",
        question="Pregunta: {question}\nRespuesta:",
        words=_words("¿Quién o qué?", "¿Cuándo?", "¿Cuánto?", "¿Qué?"),
        in_place=False,
        restore="Escriba completo este texto sobre {subject}: {text}\nTexto:",
        record=_RECORD,
    ),
    "it": Frames(
        cloze="Completa la frase su {subject}: {sentence}\nRisposta:",
        question="Domanda: {question}\nRisposta:",
        words=_words("Chi o che cosa?", "Quando?", "Quanto?", "Che cosa?"),
        in_place=False,
        restore="Scrivi per intero questo testo su {subject}: {text}\nTesto:",
        record=_RECORD,
    ),
    "pt": Frames(
        cloze="Complete a frase sobre {subject}: {sentence}\nResposta:",
        question="Pergunta: {question}\nResposta:",
        words=_words("Quem ou o quê?", "Quando?", "Quanto?", "O quê?"),
        in_place=False,
        restore="Escreva por inteiro este texto sobre {subject}: {text}\nTexto:",
        record=_RECORD,
    ),
    "ru": Frames(
        cloze="Заполните пропуск ({subject}): {sentence}\nОтвет:",
        question="Вопрос: {question}\nОтвет:",
        words=_words("Кто или что?", "Когда?", "Сколько?", "Что?"),
        in_place=False,
        restore="Напишите текст полностью ({subject}): {text}\nТекст:",
        record=_RECORD,
    ),
    "hi": Frames(
        cloze="रिक्त स्थान भरें ({subject}): {sentence}\nउत्तर:",
        question="प्रश्न: {question}\nउत्तर:",
        words=_words("कौन या क्या?", "कब?", "कितना?", "क्या?"),
        in_place=False,
        restore="पूरा पाठ लिखें ({subject}): {text}\nपाठ:",
        record=_RECORD,
    ),
    "zh": Frames(
        cloze="填空（{subject}）：{sentence}\n答案：",
        question="问题：{question}\n答案：",
        words=_words("谁或什么？", "何时？", "多少？", "什么？"),
        in_place=False,
        restore="写出全文（{subject}）：{text}\n全文：",
        record=(
            "{subject}的{field}是{value}。",
            "{field}（{subject}）：{value}。",
            "{value}：{subject}，{field}。",
        ),
    ),
}

_SMALL_WORDS = {
    "en": "the of and to in is that for was with on as by are it from",
    "de": "der die das und ist nicht mit den von ein eine auf für im dem zu",
    "fr": "le la les des et est une dans que pour qui sur du par au de",
    "es": "el la los las de y que en es una por con para del se",
    "it": "il la di che e un una per del della con sono è nel i",
    "pt": "o a os as de e que em um uma para com do da não",
    "ru": "и в не на что с по как это его для был",
    "hi": "है में का की के और से को ने पर हैं यह",
}
_SETS = {language: frozenset(words.split()) for language, words in _SMALL_WORDS.items()}
_FEWEST_WORDS, _LEAST_SHARE = 8, 0.12
_ENOUGH_CHARACTERS = 400  # from here on a text without small words is in another language
_HAN = re.compile(r"[\u4e00-\u9fff]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_OF_CHINESE = frozenset("的是在了和有不人")
_LEAST_CHINESE = 0.03
_LOOKED_AT = 4000  # characters of a document


def language_of(text: str) -> str | None:
    """The language with frames that a text is in; None if it is in none, or too short to say."""
    start = text[:_LOOKED_AT]
    letters = sum(c.isalpha() for c in start)
    han = _HAN.findall(start)
    if 2 * len(han) > letters:
        chinese = sum(c in _OF_CHINESE for c in han)
        return "zh" if chinese > _LEAST_CHINESE * len(han) and not _KANA.search(start) else None
    words = [match.group().casefold() for match in WORD.finditer(start)]
    if len(words) < _FEWEST_WORDS:
        return None
    shares = {name: sum(w in known for w in words) / len(words) for name, known in _SETS.items()}
    best = max(shares, key=lambda name: shares[name])
    # A neighbour of one of these (Catalan of Spanish) shares more words with it than any other.
    is_another = told_language(start) not in (None, best)
    return best if shares[best] >= _LEAST_SHARE and not is_another else None


def frames_of(texts: Iterable[str]) -> list[Frames]:
    """The frames for each text; a short one that is in no known language gets the corpus's."""
    texts = list(texts)
    found = [language_of(text) for text in texts]
    sizes: Counter[str] = Counter()
    for language, text in zip(found, texts, strict=True):
        if language is not None:
            sizes[language] += len(text)
    known = sizes.total() >= 0.5 * sum(map(len, texts))
    most = max(sizes, key=lambda language: sizes[language]) if sizes and known else None
    return [
        _frames(language or (most if len(text) < _ENOUGH_CHARACTERS else None))
        for language, text in zip(found, texts, strict=True)
    ]


def _frames(language: str | None) -> Frames:
    return NEUTRAL if language is None else FRAMES[language]
