"""``steep vocab``: what the documents cost in tokens, and whether more tokens would help.

Tokens are learned from the documents to train; what they save is counted on the held-out ones,
where there are any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from steep.artifact import write_text
from steep.errors import ModelError, UserInputError
from steep.model.load import skeleton
from steep.model.vocabulary import Extension, can_learn, extend_tokenizer
from steep.planning.fertility import (
    Fertility,
    Useful,
    by_language,
    fertility,
    most_useful,
    occurrences_of,
    recommend,
    speed_ratio,
    total,
)
from steep.progress import Progress, Silent
from steep.proof.questions import general_texts
from steep.recipe import Recipe, VocabularyRecipe, load_recipe
from steep.stages.base import Base, open_base
from steep.stages.inputs import Inputs, read_inputs
from steep.stages.tuned import changed_text
from steep.stages.vocabulary import learning_texts, wanted_by

TOKENS = 2000
_ONLY_WORDS = (
    "no tokens can be learned behind this model's tokenizer, which doesn't merge bytes; list the "
    "words that matter most in vocabulary.new_tokens, or take another model"
)


@dataclass(frozen=True)
class Survey:
    """What ``steep vocab`` found.

    Attributes:
        languages: of the documents, most text first; and ``english``, of general texts.
        judged_on: "held_out", or "trained" where nothing is held out.
        tokens: learned, beside the words that the recipe has; none behind a tokenizer whose
            merges can't go on, of which only the cost is told.
        useful: those that save most.
        fewer: tokens before over tokens after.
        faster: text a second after over before, predicted.
        words_before, words_after: that fit a row of ``train.max_seq_length`` tokens.
        written: the recipe that was changed; None without ``apply``.
    """

    languages: tuple[Fertility, ...]
    english: Fertility
    judged_on: str
    tokens: int
    rows: int
    useful: tuple[Useful, ...]
    fewer: float
    faster: float
    words_before: float
    words_after: float
    extend: bool
    recommendation: str
    written: Path | None

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "schema": 1,
            "languages": [language.as_json() for language in self.languages],
            "english": self.english.as_json(),
            "judged_on": self.judged_on,
            "tokens": self.tokens,
            "rows": self.rows,
            "useful": [asdict(token) for token in self.useful],
            "fewer_tokens": round(self.fewer, 4),
            "faster": round(self.faster, 4),
            "words_per_row": [round(self.words_before, 1), round(self.words_after, 1)],
            "extend": self.extend,
            "recommendation": self.recommendation,
            "written": None if self.written is None else str(self.written),
        }


def vocab(
    path: str | Path,
    *,
    overrides: Sequence[str] = (),
    tokens: int | None = None,
    apply: bool = False,
    progress: Progress | None = None,
) -> Survey:
    """Look at the documents of a recipe as the model's tokenizer does; nothing is trained.

    Args:
        overrides: as for ``load_recipe``.
        tokens: to learn; None means those of the recipe, else 2,000.
        apply: write them into the recipe, whatever is recommended; its comments stay.

    Raises:
        UserInputError: the recipe or its documents can't be used, or its tokenizer not be extended
            as it says; or the recipe can't be changed and stays as it is.
    """
    heard, path = progress or Silent(), Path(path)
    recipe = load_recipe(path, overrides)
    given = recipe.vocabulary
    if tokens is None:
        tokens = given.learned if given is not None and given.learned else TOKENS
    if tokens < 1:
        raise UserInputError("--tokens must be at least 1")
    # Found out before the documents are read, which can take long.
    text = _text_with(tokens, path, recipe, overrides) if apply else None
    resolved, base = open_base(_with_tokens(recipe, tokens))
    learns = can_learn(base.tokenizer)
    if apply and not learns:
        raise ModelError(f"{path} stays as it is: {_ONLY_WORDS}")
    inputs = read_inputs(recipe)
    if learns:
        heard.stage(f"Learning {tokens:,} tokens from {len(inputs.split.trained):,} documents")
    found = _survey(resolved, inputs, base, heard, learns=learns)
    if text is None:
        return found
    heard.note(found.recommendation)
    try:
        write_text(path, text)
    except OSError as error:
        raise UserInputError(f"{path}: {error.strerror or error}; it stays as it is") from None
    return replace(found, written=path)


def _text_with(tokens: int, path: Path, recipe: Recipe, overrides: Sequence[str]) -> str:
    """The recipe's text with the tokens in it.

    Raises:
        UserInputError: it can't be had line by line. Writing every key anew would take the user's
            own comments and relative paths away.
    """
    text = changed_text(path, path, recipe, overrides, {"vocabulary.learned": tokens})
    if text is None:
        changes = ", ".join([*overrides, f"vocabulary.learned={tokens}"])
        raise UserInputError(
            f"{path} has keys in a form that --apply can't change line by line; write this into "
            f"it by hand: {changes}"
        )
    return text


def _with_tokens(recipe: Recipe, tokens: int) -> Recipe:
    given = recipe.vocabulary or VocabularyRecipe(learned=tokens)
    return recipe.model_copy(update={"vocabulary": given.model_copy(update={"learned": tokens})})


def _survey(
    recipe: Recipe, inputs: Inputs, base: Base, progress: Progress, *, learns: bool
) -> Survey:
    asked = recipe.vocabulary
    if asked is None:
        raise ValueError("a recipe with tokens to learn")
    shape = skeleton(base.path)
    embedding = shape.get_input_embeddings().weight
    rows, width = int(embedding.shape[0]), int(embedding.shape[1])
    wanted = wanted_by(asked, inputs.split.trained)
    if not learns:
        wanted = replace(wanted, learned=0)
    extension = Extension(base.tokenizer, {})
    if wanted.learned or wanted.words:
        extension = extend_tokenizer(base.tokenizer, wanted, rows)
    progress.stage("Counting tokens")
    before, after = _counter(base.tokenizer), _counter(extension.tokenizer)
    judged = inputs.split.held_out or inputs.split.trained
    languages = by_language(judged, before, after)
    english = total("en", (fertility("en", text, before, after) for _, text in general_texts()))
    whole = total("all", languages)
    fewer = whole.tokens / max(1, whole.after or 0)
    seen = _occurrences(extension, inputs)
    extend, said = False, f"Don't extend: {_ONLY_WORDS}"
    if learns:
        extend, said = recommend(whole, english, seen, asked.learned)
    row = recipe.train.max_seq_length
    heads = {id(weight): weight.numel() for weight in _matrices(shape)}
    body = int(shape.num_parameters()) - sum(heads.values())
    more = max(0, extension.rows.stop - rows) if extension.parts else 0
    return Survey(
        languages=languages,
        english=english,
        judged_on="held_out" if inputs.split.held_out else "trained",
        tokens=sum(1 for parts in extension.parts.values() if parts),
        rows=more,
        useful=tuple(most_useful(seen, extension.parts, _speller(extension))),
        fewer=fewer,
        faster=speed_ratio(fewer, body, width, rows, more),
        words_before=row / whole.per_word if whole.words else 0.0,
        words_after=fewer * row / whole.per_word if whole.words else 0.0,
        extend=extend,
        recommendation=said,
        written=None,
    )


def _matrices(model: Any) -> list[Any]:
    layers = [model.get_input_embeddings(), model.get_output_embeddings()]
    return [layer.weight for layer in layers if layer is not None]


def _counter(tokenizer: Any) -> Any:
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False))


def _speller(extension: Extension) -> Any:
    return lambda number: extension.tokenizer.decode([number])


def _occurrences(extension: Extension, inputs: Inputs) -> dict[int, int]:
    """How often each new token stands in what it was learned from."""
    ids = (
        number
        for text in learning_texts(inputs.split.trained)
        for number in extension.tokenizer.encode(text, add_special_tokens=False)
    )
    return occurrences_of(ids, [number for number, parts in extension.parts.items() if parts])
