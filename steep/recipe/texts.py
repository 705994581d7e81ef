"""What a recipe says about texts: the documents and replay, and how they are said again."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from steep.recipe.section import Count, NotNegative, Positive, Section, Share

# Replay that isn't a path: written by the base model, or the reading that comes with steep.
NAMED_TEXTS = ("self", "reading")

Flag = Literal[
    "few words",
    "odd word lengths",
    "many symbols",
    "bullet points",
    "cut-off lines",
    "few letters",
    "repeated lines",
    "repeated paragraphs",
    "repeated phrases",
    "lines without ends",
    "badly recognised",
    "machine-made",
    "ocr",
]
"""Signs of poor text (``steep.documents.cleaning.signs``)."""


class DataRecipe(Section):
    """``[data]``: what to learn, what to rehearse, what to keep aside.

    Attributes:
        redact: what is blanked in the documents: secrets (keys, tokens, passwords), personal data
            too, with "presidio" also the identifiers that Presidio knows, or nothing.
        repeated_lines: menus, letterheads and footers that many documents share; "cut" leaves them
            in the first document alone.
        repeated_paragraphs: the same of paragraphs that stand in several documents. They are
            counted either way.
        drop_flagged: documents with one of these signs of poor text are left out; without any they
            are only flagged, in the ledger and in ``data/documents.jsonl``.
    """

    domain: Annotated[list[str], Field(min_length=1)] | None = None
    general: str | list[str] = "self"
    general_share: Share = 0.2
    held_out_share: Annotated[float, Field(ge=0.0, le=0.5)] = 0.05
    redact: Literal["nothing", "secrets", "personal", "presidio"] = "secrets"
    repeated_lines: Literal["keep", "cut"] = "cut"
    repeated_paragraphs: Literal["keep", "cut"] = "keep"
    drop_flagged: list[Flag] = []


class RetellRecipe(Section):
    """``[retell]``: the documents said again in other forms, made by rule from any text.

    Attributes:
        names: openings that point back ("It", "The company") are spelled out (English only).
        dates: a document's date stands under its title and in each of its shuffles, where they
            don't say it themselves; like the title, also where nothing is retold.
        permute: shuffles of a document's sentences under its title.
        cloze: blanks to fill in, per sentence at most.
        questions: questions for a value ("founded in which year?"), per sentence at most.
        reversed: blanks and questions for the subject, from a value that points to it, per
            sentence at most.
        records: wordings in which a record's fields are said in sentences, where its text is
            nothing but them: a table's row, a JSON object or an XML element.
        metadata: the same for fields that stand beside a text.
        restore: times that short texts with several blanks are to be written out.
        coverage: facts that stand in fewer wordings get more of them, thinnest first; 0 for none.
        coverage_share: text added for that at most, as a share of all retold and own text.
    """

    enabled: bool = True
    names: bool = True
    dates: bool = True
    permute: Annotated[int, Field(ge=0, le=50)] = 1
    cloze: Annotated[int, Field(ge=0, le=50)] = 3
    questions: Annotated[int, Field(ge=0, le=50)] = 0
    reversed: Annotated[int, Field(ge=0, le=50)] = 0
    records: Annotated[int, Field(ge=0, le=50)] = 2
    metadata: Annotated[int, Field(ge=0, le=50)] = 0
    restore: Annotated[int, Field(ge=0, le=50)] = 0
    coverage: Annotated[int, Field(ge=0, le=50)] = 0
    coverage_share: Share = 0.1


RewriteKind = Literal["paraphrase", "questions", "links", "strategies"]


class RewriteRecipe(Section):
    """``[rewrite]``: the documents said again by a language model, if one is named.

    Attributes:
        base_url: an OpenAI-compatible endpoint, up to before ``/chat/completions``.
        model: its model's name.
        api_key_env: the environment variable that holds the key; without one, none is sent.
        kinds: what to ask for of each passage of each trained document.
        times: how often each is asked for, each time with another seed.
        max_tokens: of one answer.
        budget_tokens: read and written in all, at most; None for no limit.
        price_in, price_out: money per million tokens, for the estimate alone.
    """

    enabled: bool = False
    base_url: Annotated[str, Field(pattern=r"^https?://")] = "http://localhost:11434/v1"
    model: str | None = None
    api_key_env: str = "OPENAI_API_KEY"
    kinds: Annotated[list[RewriteKind], Field(min_length=1)] = ["paraphrase", "questions"]
    times: Annotated[int, Field(ge=1, le=20)] = 1
    temperature: Annotated[float, Field(ge=0.0, le=2.0)] = 0.7
    max_tokens: Count = 1000
    budget_tokens: Count | None = None
    timeout_seconds: Positive = 120.0
    price_in: NotNegative | None = None
    price_out: NotNegative | None = None

    @model_validator(mode="after")
    def named_model(self) -> RewriteRecipe:
        """Refuse to rewrite with nobody."""
        if self.enabled and self.model is None:
            raise ValueError("enabled without a model; set rewrite.model to the endpoint's name")
        return self
