"""The words in which rows made from documents ask and answer, by language.

Nine languages have words; documents in others get none, and rows only from the user's files.
"""

from __future__ import annotations

from dataclasses import dataclass

from steep.corpus.frames import FRAMES, Frames


@dataclass(frozen=True)
class Phrases:
    """Wordings of one language, filled by ``str.format``.

    Attributes:
        whole: asks for a sentence: ``{question}``.
        brief: asks for the value alone: ``{question}``.
        about: asks what is known: ``{subject}``.
        unknown: says that the documents don't tell: ``{subject}``.
        right: asks whether a sentence is right: ``{sentence}``.
        yes, no: what such an answer begins with.
        capitals, json, number, word, lines: asks for an answer in a form: ``{question}``, the last
            ``{subject}``; empty where this language has none.
    """

    whole: tuple[str, ...]
    brief: tuple[str, ...]
    about: tuple[str, ...]
    unknown: tuple[str, ...]
    right: tuple[str, ...]
    yes: str
    no: str
    capitals: tuple[str, ...] = ()
    json: tuple[str, ...] = ()
    number: tuple[str, ...] = ()
    word: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


PHRASES: dict[str, Phrases] = {
    "en": Phrases(
        whole=(
            "{question}",
            "{question} Please answer in a sentence.",
            "I have a question about our documents. {question}",
            "According to the documents: {question}",
        ),
        brief=(
            "{question} Answer briefly.",
            "Short answer please: {question}",
            "{question} Give only the answer.",
        ),
        about=(
            "What do you know about {subject}?",
            "Tell me about {subject}.",
            "What do the documents say about {subject}?",
        ),
        unknown=(
            "I don't know: the documents say nothing about {subject}.",
            "The documents don't mention {subject}, so I can't say.",
        ),
        right=("Is this right? {sentence}", "True or not: {sentence}"),
        yes="Yes.",
        no="No.",
        capitals=(
            "{question} Write it in capital letters.",
            "In capitals only: {question}",
        ),
        json=(
            '{question} Reply as JSON with the key "answer".',
            'Give me a JSON object with one key, "answer". {question}',
        ),
        number=("{question} Just the number, please.", "Reply with a number: {question}"),
        word=("{question} One word is enough.", "Reply with a single word. {question}"),
        lines=(
            "List three facts about {subject}.",
            "Name three things about {subject}, one on each line.",
        ),
    ),
    "de": Phrases(
        whole=("{question}", "Laut den Unterlagen: {question}"),
        brief=("{question} Antworte kurz.", "Kurze Antwort bitte: {question}"),
        about=("Was weißt du über {subject}?", "Was steht in den Unterlagen über {subject}?"),
        unknown=("Das weiß ich nicht: In den Unterlagen steht nichts über {subject}.",),
        right=("Stimmt das? {sentence}",),
        yes="Ja.",
        no="Nein.",
    ),
    "fr": Phrases(
        whole=("{question}", "D'après les documents : {question}"),
        brief=("{question} Réponds brièvement.", "Réponse courte : {question}"),
        about=("Que sais-tu de {subject} ?", "Que disent les documents sur {subject} ?"),
        unknown=("Je ne sais pas : les documents ne disent rien de {subject}.",),
        right=("Est-ce exact ? {sentence}",),
        yes="Oui.",
        no="Non.",
    ),
    "es": Phrases(
        whole=("{question}", "Según los documentos: {question}"),
        brief=("{question} Responde brevemente.", "Respuesta corta: {question}"),
        about=("¿Qué sabes de {subject}?", "¿Qué dicen los documentos sobre {subject}?"),
        unknown=("No lo sé: los documentos no dicen nada de {subject}.",),
        right=("¿Es correcto? {sentence}",),
        yes="Sí.",
        no="No.",
    ),
    "it": Phrases(
        whole=("{question}", "Secondo i documenti: {question}"),
        brief=("{question} Rispondi in breve.", "Risposta breve: {question}"),
        about=("Che cosa sai di {subject}?", "Che cosa dicono i documenti su {subject}?"),
        unknown=("Non lo so: i documenti non dicono nulla di {subject}.",),
        right=("È giusto? {sentence}",),
        yes="Sì.",
        no="No.",
    ),
    "pt": Phrases(
        whole=("{question}", "Segundo os documentos: {question}"),
        brief=("{question} Responda em poucas palavras.", "Resposta curta: {question}"),
        about=("O que você sabe sobre {subject}?", "O que dizem os documentos sobre {subject}?"),
        unknown=("Não sei: os documentos não dizem nada sobre {subject}.",),
        right=("Isto está certo? {sentence}",),
        yes="Sim.",
        no="Não.",
    ),
    "ru": Phrases(
        whole=("{question}", "Согласно документам: {question}"),
        brief=("{question} Ответь кратко.", "Краткий ответ: {question}"),
        about=("Что ты знаешь о {subject}?", "Что говорят документы о {subject}?"),
        unknown=("Я не знаю: в документах ничего нет о {subject}.",),
        right=("Это верно? {sentence}",),
        yes="Да.",
        no="Нет.",
    ),
    "hi": Phrases(
        whole=("{question}", "दस्तावेज़ों के अनुसार: {question}"),
        brief=("{question} संक्षेप में उत्तर दें।", "छोटा उत्तर: {question}"),
        about=("{subject} के बारे में आप क्या जानते हैं?",),
        unknown=("मुझे नहीं पता: दस्तावेज़ों में {subject} के बारे में कुछ नहीं है।",),
        right=("क्या यह सही है? {sentence}",),
        yes="हाँ।",
        no="नहीं।",
    ),
    "zh": Phrases(
        whole=("{question}", "根据文件：{question}"),
        brief=("{question}请简短回答。", "简短回答：{question}"),
        about=("关于{subject}你知道什么？", "文件里关于{subject}说了什么？"),
        unknown=("我不知道：文件里没有提到{subject}。",),
        right=("这对吗？{sentence}",),
        yes="对。",
        no="不对。",
    ),
}


def phrases_of(frames: Frames) -> Phrases | None:
    """The words of the language that frames are of; None where it has none."""
    return next((PHRASES.get(name) for name, known in FRAMES.items() if known is frames), None)
