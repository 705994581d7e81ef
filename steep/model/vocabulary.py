"""New tokens: a tokenizer that has more, and never fewer; ``grow.py`` gives the model their rows.

A word of the user's list gets two tokens, with the space before it and without; one that splitting
tears (COVID-19), and any behind a tokenizer that isn't byte-level, gets one. Tokens learned
from documents are continued merges (``merges.py``). The tokenizer ends as long as the model has
rows, because whoever loads an adapter grows the base to the tokenizer's length; so rows that only
fill up to a multiple have tokens too, reserved ones that stand in no text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from steep.errors import ModelError, RecipeError
from steep.model.marks import joining_marks
from steep.model.merges import learn_merges, word_counts
from steep.model.put import (
    Saved,
    add_apart,
    cut_of,
    put_merged,
    put_merges,
    put_whole,
    reserve,
    split_at,
    top,
)

_DIGIT = re.compile("[0-9]")
# Thai, Lao, Burmese, Khmer, kana and Han, which have no spaces; Hangul, whose particles follow
# a noun directly.
_RUNS_ON = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u3130-\u318f"
    "\u3400-\u9fff\uac00-\ud7af]"
)
_REPLACED = "[vocabulary]: transformers replaces this tokenizer's {}; remove the table"
_MARKS = ("(", '"', "\t", "“")
_PLAIN = "We don't like well-known foxes, (see 2025)."


@dataclass(frozen=True)
class Extension:
    """A tokenizer with more tokens than its base has.

    Attributes:
        parts: for each new token's id the ids that the base's tokenizer cuts it into; none for a
            reserved one.
    """

    tokenizer: Any
    parts: Mapping[int, tuple[int, ...]]

    @property
    def rows(self) -> range:
        """The ids of the new tokens."""
        return range(min(self.parts), max(self.parts) + 1)


@dataclass(frozen=True)
class Wanted:
    """What to add.

    Attributes:
        words: each is to be one token.
        learned: merges to learn from ``texts``, at most.
        whole_words: a word's token is never a part of a longer word, where words stand apart.
        join_marks: combining marks stay with their letters.
        multiple: the model's rows will be a multiple of it, if any have to be added.
    """

    words: Sequence[str] = ()
    learned: int = 0
    texts: Iterable[str] = ()
    whole_words: bool = True
    join_marks: bool = True
    multiple: int = 64


def extend_tokenizer(old: Any, wanted: Wanted, rows: int) -> Extension:
    """A copy of a tokenizer with what is wanted.

    Args:
        rows: of the model's embedding; spare ones are used before any is added.

    Raises:
        RecipeError: a word can't be a token, or is one; there is nothing to learn.
        ModelError: the tokenizer can't be extended like that.
    """
    if getattr(old, "backend_tokenizer", None) is None:
        raise ModelError(
            "[vocabulary]: this model's tokenizer has no tokenizer.json to extend; remove the table"
        )
    _check_words(old, wanted.words)
    new = old
    byte_level = _is_byte_level(_saved(old))
    if wanted.learned and not byte_level:
        raise ModelError(
            "vocabulary.learned: tokens can be learned only behind a byte-level BPE tokenizer; "
            "list the words in vocabulary.new_tokens instead"
        )
    apart = list(wanted.words)
    if byte_level:
        if wanted.join_marks and wanted.learned:
            new = _changed(new, _join_marks)
        apart = [word for word in wanted.words if len(_pieces(new, word)) > 1]
        for put, stands_alone in ((put_merged, False), (put_whole, True)):
            words = [w for w in wanted.words if _stands_alone(w, wanted) is stands_alone]
            forms = [form for w in words if w not in apart for form in (w, f" {w}")]
            spelled = [piece for form in forms for piece in _pieces(new, form)]
            missing = [piece for piece in spelled if len(cut_of(new, piece)) > 1]
            if missing:
                new = _changed(new, partial(put, by=new, pieces=missing))
        alone = (word for word in wanted.words if _stands_alone(word, wanted))
        if hidden := [word for word in alone if not _is_found_behind_marks(new, word)]:
            new = _changed(new, partial(split_at, words=hidden))
        if wanted.learned:
            pairs = _learn(new, wanted.texts, wanted.learned)
            new = _changed(new, partial(put_merges, pairs=pairs))
    new = _changed(new, lambda saved: None) if new is old else new
    add_apart(new, {word: _stands_alone(word, wanted) for word in apart})
    _check_round_trip(old, new, wanted.words)
    first = top(old) + 1
    if top(new) < first:
        raise RecipeError(
            "vocabulary.learned: no token could be learned: no two tokens stand side by side twice "
            "in the documents to train; add text, or remove the table"
        )
    if top(new) >= rows:
        reserve(new, -(-(top(new) + 1) // wanted.multiple) * wanted.multiple)
        if len(new) != top(new) + 1:
            raise ModelError(
                "[vocabulary]: the tokenizer's ids have gaps, so that an adapter couldn't be "
                "loaded again; remove the table"
            )
    return extension_of(old, new)


def can_learn(tokenizer: Any) -> bool:
    """Can tokens be learned from text behind this tokenizer? Only merges of bytes go on."""
    if getattr(tokenizer, "backend_tokenizer", None) is None:
        return False
    return _is_byte_level(_saved(tokenizer))


def _stands_alone(word: str, wanted: Wanted) -> bool:
    """Is it only to be taken where it is a whole word? Some scripts don't show where one ends."""
    return wanted.whole_words and _RUNS_ON.search(word) is None


def unseen_words(extension: Extension, words: Sequence[str], texts: Iterable[str]) -> list[str]:
    """Those of ``words`` whose new tokens stand in none of the texts."""
    encode = partial(extension.tokenizer.encode, add_special_tokens=False)
    left = {}
    for word in words:
        forms = {number for form in (word, f" {word}") for number in encode(form)}
        left[word] = forms & extension.parts.keys()
    for text in texts:
        if held := [word for word in left if word in text]:
            found = set(encode(text))
            for word in held:
                if left[word] & found:
                    del left[word]
        if not left:
            break
    return list(left)


def extension_of(old: Any, new: Any) -> Extension:
    """What ``new`` has beyond ``old``."""
    first = top(old) + 1
    added = new.backend_tokenizer.get_added_tokens_decoder()
    parts: dict[int, tuple[int, ...]] = {}
    for token, number in new.get_vocab().items():
        if number < first:
            continue
        if number in added:
            special = added[number].special
            parts[number] = () if special else tuple(old.encode(token, add_special_tokens=False))
        else:
            parts[number] = tuple(cut_of(old, token))
    return Extension(new, dict(sorted(parts.items())))


def transplant(extension: Extension, other: Any) -> Extension:
    """The same new tokens for another tokenizer that has the old ones, all of them, by those ids.

    Its template, and what stands around its texts, stay its own.

    Raises:
        ModelError: transformers would build another tokenizer than that.
    """
    made = _saved(extension.tokenizer)
    parts = ("added_tokens", "normalizer", "pre_tokenizer", "model")
    new = _changed(other, lambda saved: saved.update({part: made[part] for part in parts}))
    if new.get_vocab() != extension.tokenizer.get_vocab():
        raise ModelError(
            "[vocabulary]: the instruct model's tokenizer can't take the new tokens; choose "
            "another, or remove the table"
        )
    return Extension(new, extension.parts)


def _is_found_behind_marks(tokenizer: Any, word: str) -> bool:
    """Is a word's token taken behind a mark too, where splitting may put the two together?"""
    token = tokenizer.encode(word, add_special_tokens=False)
    return len(token) > 1 or all(
        token[0] in tokenizer.encode(f"a {mark}{word}", add_special_tokens=False) for mark in _MARKS
    )


def _check_words(old: Any, words: Sequence[str]) -> None:
    """Refuse words that are tokens of ``old``, and those that hold one that means something."""
    added = old.backend_tokenizer.get_added_tokens_decoder().values()
    special = sorted(token.content for token in added if token.special)
    whole = {token.content for token in added}
    needed = all if _is_byte_level(_saved(old)) else any  # of the forms that a word has there
    for word in words:
        if word in whole or needed(_is_token(old, form) for form in (word, f" {word}")):
            raise RecipeError(
                f"vocabulary.new_tokens: {word!r} is one token of this model already; leave it out"
            )
        for token in special:
            if token in word:
                raise RecipeError(
                    f"vocabulary.new_tokens: {word!r} holds the special token {token!r}; leave it "
                    "out"
                )


def _check_round_trip(old: Any, new: Any, words: Sequence[str]) -> None:
    """Refuse tokens that move what stands beside them, and words that don't come back as they are.

    Raises:
        ModelError: text would come back otherwise than from the old tokenizer.
        RecipeError: a word can't be a token.
    """
    if not _comes_back_as_before(old, new, _PLAIN):
        raise ModelError(
            "[vocabulary]: with more tokens this tokenizer would put spaces where the text has "
            "none; remove the table"
        )
    for word in words:
        if not _is_token(new, word):
            raise RecipeError(
                f"vocabulary.new_tokens: {word!r} can't be one token of this model's tokenizer "
                "that decodes to itself; leave it out"
            )
        if not _comes_back_as_before(old, new, f"{word}, ({word})."):
            raise RecipeError(
                f"vocabulary.new_tokens: this model's tokenizer would put a space behind {word!r} "
                "wherever it stands; leave new_tokens out"
            )


def _is_token(tokenizer: Any, text: str) -> bool:
    ids = tokenizer.encode(text, add_special_tokens=False)
    return len(ids) == 1 and _back(tokenizer, text) == text


def _back(tokenizer: Any, text: str) -> str:
    ids = tokenizer.encode(text, add_special_tokens=False)
    return str(tokenizer.decode(ids, clean_up_tokenization_spaces=False))


def _comes_back_as_before(old: Any, new: Any, text: str) -> bool:
    """Does a text that the old tokenizer gives back, it may be with a space before, still do so?"""
    before = _back(old, text)
    return before not in (text, f" {text}") or _back(new, text) == before


def _saved(tokenizer: Any) -> Saved:
    return dict(json.loads(tokenizer.backend_tokenizer.to_str()))


def _is_byte_level(saved: Saved) -> bool:
    split = json.dumps(saved["pre_tokenizer"])
    return saved["model"]["type"] == "BPE" and '"ByteLevel"' in split


def _changed(tokenizer: Any, change: Callable[[Saved], None]) -> Any:
    """A copy of a tokenizer whose tokenizer.json was changed.

    Raises:
        ModelError: transformers would build another tokenizer of that file than it describes.
    """
    from transformers import AutoTokenizer

    with TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        path = Path(folder) / "tokenizer.json"
        saved = json.loads(path.read_text(encoding="utf-8"))
        change(saved)
        path.write_text(json.dumps(saved, ensure_ascii=False), encoding="utf-8")
        new = AutoTokenizer.from_pretrained(folder)
    made = _saved(new)
    for part in ("pre_tokenizer", "normalizer"):
        if made[part] != saved[part]:
            raise ModelError(_REPLACED.format(part))
    for part in ("vocab", "ignore_merges"):
        if made["model"].get(part) != saved["model"].get(part):
            raise ModelError(_REPLACED.format(part))
    return new


def _join_marks(saved: Saved) -> None:
    saved["pre_tokenizer"] = joining_marks(saved["pre_tokenizer"])


def _pieces(tokenizer: Any, text: str) -> list[str]:
    """A text as it is split before it is cut into tokens, in the tokenizer's own letters."""
    backend = tokenizer.backend_tokenizer
    normal = backend.normalizer.normalize_str(text) if backend.normalizer else text
    return [piece for piece, _ in backend.pre_tokenizer.pre_tokenize_str(normal)]


def _learn(tokenizer: Any, texts: Iterable[str], tokens: int) -> list[tuple[str, str]]:
    cut = tokenizer.backend_tokenizer.model.tokenize
    known = set(tokenizer.get_vocab())
    # Many models read numbers digit by digit, in every language: tokens of several digits would
    # have them learn those anew.
    plain = known - _special(tokenizer)
    digits_alone = not any(len(token) > 1 and _DIGIT.search(token) for token in plain)
    words: dict[tuple[str, ...], int] = {}
    for word, count in word_counts(tokenizer, texts).items():
        if digits_alone and _DIGIT.search(word):
            continue
        pieces = tuple(token.value for token in cut(word))
        words[pieces] = words.get(pieces, 0) + count
    return learn_merges(words, known, tokens)


def _special(tokenizer: Any) -> set[str]:
    """Tokens that text isn't cut into by merges."""
    added = tokenizer.backend_tokenizer.get_added_tokens_decoder()
    return {token.content for token in added.values()}
