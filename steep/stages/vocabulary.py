"""The tokens of ``[vocabulary]``: made once for a run, kept with its data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from steep.artifact import damaged_files, key_of, read_manifest, text_hash
from steep.documents.record import Document
from steep.documents.shelf import pick
from steep.export.gguf.write import check_gguf
from steep.model.adapters import embedding_names, embeddings_asked, make_trainable
from steep.model.load import load_tokenizer, skeleton
from steep.model.quantised import quantise
from steep.model.vocabulary import (
    Wanted,
    extend_tokenizer,
    extension_of,
    transplant,
    unseen_words,
)
from steep.planning.shape import shape_of
from steep.progress import Progress
from steep.recipe import Recipe, TrainRecipe, VocabularyRecipe
from steep.recipe.vocabulary import OF_TRAINING, SHARE_OF_ENTRIES
from steep.stages.base import Base
from steep.stages.folder import RunFolder, some_of
from steep.stages.inputs import Inputs
from steep.training.new_rows import NewRows
from steep.wording import counted

TOKENIZER_FOLDER = "tokenizer"

# Raised whenever the same documents and recipe would give other tokens.
_VERSION = 3

# Counting words takes about a second and a half per million; more text would hardly change what
# is learned.
MOST_CHARACTERS = 20_000_000


def vocabulary_key(recipe: Recipe, inputs: Inputs, base: Base) -> str | None:
    """What the new tokens depend on; None without any."""
    asked = recipe.vocabulary
    if asked is None:
        return None
    texts = sorted(document.id for document in inputs.split.trained) if asked.learned else []
    return key_of(
        {
            "version": _VERSION,
            "asked": asked.model_dump(exclude=OF_TRAINING),
            "texts": texts,
            "base": base.fingerprint,
        }
    )


def extend_base(
    recipe: Recipe, inputs: Inputs, base: Base, progress: Progress, run: RunFolder | None = None
) -> None:
    """Give ``base`` the recipe's new tokens, those kept in ``run`` if they are the same.

    A base has those of one recipe: they are made once.

    Raises:
        RecipeError, ModelError: the tokens can't be added, or not be said in a GGUF, or there are
            none to learn.
    """
    asked = recipe.vocabulary
    if asked is None or base.extension is not None:
        return
    kept = None if run is None else _kept(run, vocabulary_key(recipe, inputs, base))
    shape = skeleton(base.path)
    if kept is not None:
        base.extension = extension_of(base.tokenizer, load_tokenizer(str(kept)))
    else:
        if asked.learned:
            progress.stage(f"Learning {asked.learned:,} tokens from the documents")
        rows = int(shape.get_input_embeddings().weight.shape[0])
        wanted = wanted_by(asked, inputs.split.trained)
        base.extension = extend_tokenizer(base.tokenizer, wanted, rows)
    if base.instruct is not None:
        base.instruct.extension = transplant(base.extension, base.instruct.tokenizer)
    if recipe.export.gguf is not None:
        check_gguf(recipe.export.gguf, shape.config, base.home.tuned_tokenizer)
    if kept is None:
        progress.note(f"{len(base.extension.parts):,} tokens are new to the model")
        texts = (document.text for document in inputs.split.trained)
        if unseen := unseen_words(base.extension, asked.new_tokens, texts):
            progress.note(
                f"warning: {counted(len(unseen), 'word')} of vocabulary.new_tokens "
                f"({some_of(unseen)}) stand in no document to train as they are written, so "
                "nothing is learned for them; correct them, or set whole_words = false to take "
                "them out of longer words"
            )


def _kept(run: RunFolder, key: str | None) -> Path | None:
    """Where the tokenizer of this key is kept, if it is."""
    manifest = read_manifest(run.data) or {}
    prefix = f"{TOKENIZER_FOLDER}/"
    files = {n: h for n, h in manifest.get("files", {}).items() if n.startswith(prefix)}
    same = bool(files) and manifest["made_from"].get("vocabulary") == key
    return run.data / TOKENIZER_FOLDER if same and not damaged_files(run.data, files) else None


def wanted_by(asked: VocabularyRecipe, trained: Sequence[Document]) -> Wanted:
    """What a resolved recipe wants, learned from the documents to train."""
    return Wanted(
        words=asked.new_tokens,
        learned=asked.learned,
        texts=learning_texts(trained),
        whole_words=asked.whole_words is not False,
        join_marks=asked.join_marks is not False,
        multiple=asked.pad_to_multiple_of,
    )


def learning_texts(documents: Sequence[Document]) -> Iterator[str]:
    """Texts to learn tokens from: all, or as many as are enough, chosen by hash.

    Only hashes are held of documents that wait on disk.
    """
    hashes = [text_hash(document.id) for document in documents]
    order = sorted(range(len(hashes)), key=hashes.__getitem__)
    left = MOST_CHARACTERS
    for document in pick(documents, order):
        if left <= 0:
            return
        left -= len(document.text)
        yield document.text


def save_tokenizer(base: Base, folder: Path) -> list[str]:
    """Write the extended tokenizer below ``folder``; the names of its files. None without one."""
    if base.extension is None:
        return []
    place = folder / TOKENIZER_FOLDER
    base.tuned_tokenizer.save_pretrained(place)
    return sorted(f"{TOKENIZER_FOLDER}/{path.name}" for path in place.iterdir())


def start_model(recipe: Recipe, base: Base) -> tuple[Any, NewRows | None]:
    """The base model made trainable, grown if tokens are added, and what is held still then.

    Its frozen weights are in as many bits as the recipe says.
    """
    model, train = base.take(), recipe.train
    if train.load_in is not None:
        model = quantise(model, train.load_in)
    if base.extension is None or recipe.vocabulary is None:
        return make_trainable(model, train, recipe.seed), None
    rows, asked = base.extension.rows, recipe.vocabulary
    pace = _pace(asked.learning_rate, model.get_input_embeddings().weight[: rows.start], train)
    held = NewRows(rows, asked.first_steps, _only_new(recipe, model), pace)
    return make_trainable(model, train, recipe.seed, has_grown=True), held


def _pace(rate: float | None, old_rows: Any, train: TrainRecipe) -> float:
    """The new rows' rate over the embedding's, whose old rows have the shape (rows, width).

    Where the embedding stays still (a rate of 0), so do they.
    """
    if not train.embedding_learning_rate:
        return 1.0
    if rate is None:
        rate = SHARE_OF_ENTRIES * float(old_rows.detach().norm()) / old_rows.numel() ** 0.5
    return rate / train.embedding_learning_rate


def shape_as_grown(base: Base) -> dict[str, Any]:
    """The shape of the model to be trained, with a row for every token that is added."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(base.path, trust_remote_code=False)
    if base.extension is not None:
        text = config.get_text_config()
        text.vocab_size = max(text.vocab_size, base.extension.rows.stop)
    return shape_of(config)


def train_as_grown(recipe: Recipe, base: Base) -> TrainRecipe:
    """``[train]`` with the embeddings that are trained for new tokens among its modules."""
    if base.extension is None or recipe.train.method == "full":
        return recipe.train
    modules = dict.fromkeys([*recipe.train.target_modules, *embedding_names(skeleton(base.path))])
    return recipe.train.model_copy(update={"target_modules": list(modules)})


def hold_rows(recipe: Recipe, base: Base, model: Any) -> None:
    """Leave embeddings of which only new rows were trained as they are, in what comes after."""
    if base.extension is None:
        return
    only = _only_new(recipe, skeleton(base.path))
    for name, parameter in model.named_parameters():
        if not only.isdisjoint(name.split(".")):
            parameter.requires_grad_(False)


def _only_new(recipe: Recipe, model: Any) -> frozenset[str]:
    """Modules of whose rows only the new ones are trained; ``model`` is without adapters."""
    return frozenset(embedding_names(model)) - embeddings_asked(model, recipe.train)
