"""Grown vocabularies: exact round trips, reachable tokens, old rows untouched."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from steep.errors import ModelError, RecipeError
from steep.model.grow import grow_model, matched_mean
from steep.model.vocabulary import (
    Extension,
    Wanted,
    extend_tokenizer,
    extension_of,
    unseen_words,
)
from tests.tiny import tiny_model, tiny_tokenizer

TEXTS = ["नमस्ते दुनिया, यह एक परीक्षण है।", "مرحبا بالعالم", "zebra zebras zebraic"] * 3
WORDS = ("TechCorp", "foxes", "COVID-19", "New York")


def grown(
    words: tuple[str, ...] = WORDS, learned: int = 60, **wanted: Any
) -> tuple[Any, Extension]:
    old = tiny_tokenizer()
    return old, extend_tokenizer(old, Wanted(words, learned, TEXTS, **wanted), len(old))


def ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False))


@pytest.mark.parametrize("exact", [True, False])
def test_ten_thousand_strings_survive_a_round_trip(exact: bool) -> None:
    check_round_trips(grown(whole_words=exact, join_marks=exact)[1].tokenizer)


def check_round_trips(tokenizer: Any) -> None:
    draw = random.Random(0)
    alphabet = [*"aeTc \n\t.,0é\u0301\u200d\u200fहिन्दी مرحبا中😀", *WORDS, " TechCorp", "zebra"]
    for _ in range(10_000):
        text = "".join(draw.choices(alphabet, k=draw.randrange(24)))
        assert tokenizer.decode(ids(tokenizer, text)) == text


# Broken by: digits learned as other letters are; or never, where the model has tokens of several.
@pytest.mark.parametrize("of_several", [False, True])
def test_numbers_are_read_as_the_model_reads_them(of_several: bool) -> None:
    texts = ["The year 2025, then 2025 again, and 2025 once more: zebra zebra."] * 5
    old = tiny_tokenizer(["In 1987 and in 1987 it rained."] * 5)
    if not of_several:  # the same without those merges
        saved = json.loads(old.backend_tokenizer.to_str())
        saved["model"]["merges"] = []
        saved["model"]["vocab"] = {
            token: n for token, n in saved["model"]["vocab"].items() if n < 2 + 256
        }
        raw = Tokenizer.from_str(json.dumps(saved))
        old = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<eos>", pad_token="<pad>")
    new = extend_tokenizer(old, Wanted((), 60, texts), len(old)).tokenizer
    for text in ("2025", " 2025 2025"):
        assert (ids(new, text) == ids(old, text)) != of_several
    assert len(ids(new, " zebra")) < len(ids(old, " zebra"))


@pytest.mark.parametrize("exact", [True, False])
def test_every_new_token_is_reached(exact: bool) -> None:
    # Seen to fail with the merges left out of tokenizer.json.
    _, found = grown(whole_words=exact, join_marks=exact)
    assert len(found.parts) > 60
    check_reached(found)


def check_reached(found: Extension) -> None:
    new, words = found.tokenizer, {form for word in WORDS for form in (word, f" {word}")}
    added = new.backend_tokenizer.get_added_tokens_decoder()
    given = [n for n in found.parts if n in added or new.decode([n]) in words]
    for number in given:
        assert ids(new, new.decode([number])) == [number]
    by_merges = new.backend_tokenizer.model
    by_merges.ignore_merges = False
    for number in found.parts.keys() - given:
        token = new.convert_ids_to_tokens(number)
        assert [t.id for t in by_merges.tokenize(token)] == [number]


def test_a_word_is_one_token_and_is_not_cut_out_of_longer_ones() -> None:
    # Seen to fail without ignore_merges, and with single_word=False.
    old, found = grown()
    new = found.tokenizer
    for word in ("TechCorp", "foxes"):
        assert len(ids(new, word)) == len(ids(new, f" {word}")) == 1
    for longer in ("TechCorpus", " TechCorps", "aTechCorp", "COVID-191", "New Yorker"):
        assert ids(new, longer) == ids(old, longer)
    assert len(ids(new, "New York")) == len(ids(new, "COVID-19")) == 1


def with_pattern_of_llama3() -> Any:
    """A byte-level tokenizer that takes a mark and the letters behind it together."""
    from tokenizers import Regex, Tokenizer, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer.from_str(tiny_tokenizer().backend_tokenizer.to_str())
    pattern = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+(?!\S)|\s+"
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<eos>", pad_token="<pad>")


# Seen to fail without split_at: "(TechCorp" was a piece of its own, cut into old tokens.
def test_a_word_is_taken_behind_marks_whatever_the_pattern() -> None:
    old = with_pattern_of_llama3()
    new = extend_tokenizer(old, Wanted(("TechCorp", "foxes")), len(old)).tokenizer
    bare, spaced = ids(new, "TechCorp") + ids(new, " TechCorp")
    for text in ("(TechCorp)", '"TechCorp" said', "\tTechCorp", "a\n“TechCorp”", "TechCorp's"):
        assert bare in ids(new, text) and new.decode(ids(new, text)) == text
    assert spaced in ids(new, "at (a)  TechCorp") and spaced in ids(new, "a TechCorp, then")
    for text in ("TechCorpus", "(TechCorps)", " aTechCorp", "foxesque", "(foxy) a", "“Paris”"):
        assert ids(new, text) == ids(old, text)
    check_round_trips(new)


@pytest.mark.parametrize("word", ["กรุงเทพ", "北京", "東京", "서울"])
def test_where_words_do_not_stand_apart_one_is_taken_wherever_it_stands(word: str) -> None:
    # Seen to fail with whole_words for all alike: never found, and so never trained.
    text = f"นี่{word}มหา" if word > "\u0e00" and word < "\u0f00" else f"我{word}市,{word}大"
    old = tiny_tokenizer()
    new = extend_tokenizer(old, Wanted((word, "TechCorp")), len(old)).tokenizer
    assert ids(new, word)[0] in ids(new, text) and len(ids(new, word)) == 1
    assert new.decode(ids(new, text)) == text
    assert ids(new, "TechCorpus") == ids(old, "TechCorpus")


def test_words_that_stand_nowhere_are_told() -> None:
    # Seen to fail with "word in text" alone: a part of a longer word isn't found.
    found = grown(("TechCorp", "foxes", "COVID-19", "zebra"), learned=0)[1]
    texts = ["At TechCorp's foxesque", "COVID-19, then zebras"]
    assert unseen_words(found, ("TechCorp", "foxes", "COVID-19", "zebra"), texts) == [
        "foxes", "zebra"
    ]  # fmt: skip


def test_a_tokenizer_that_puts_a_space_first_gives_text_back_as_before() -> None:
    # Seen to fail with marks joined in front of it: "don 't", "well - known".
    from tokenizers import pre_tokenizers

    old = tiny_tokenizer()
    old.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    new = extend_tokenizer(old, Wanted((), 30, TEXTS), len(old)).tokenizer
    text = "We don't like well-known foxes, (see zebras)."
    assert new.decode(ids(new, text)) == old.decode(ids(old, text)) == f" {text}"
    with pytest.raises(RecipeError, match="would put a space behind 'COVID-19'"):
        extend_tokenizer(old, Wanted(("COVID-19",)), len(old))


def test_text_without_new_tokens_keeps_its_old_ones() -> None:
    old, found = grown()
    for text in ("The quick brown fox jumps over the lazy dog.", "  if x:\n\treturn 1987", "Ünï"):
        assert ids(found.tokenizer, text) == ids(old, text)


def test_marks_stay_with_their_letters_only_where_that_is_wanted() -> None:
    # Seen to fail with the pattern left as it is.
    word = " दुनिया"
    assert len(ids(grown(learned=200)[1].tokenizer, word)) == 1
    apart = grown(learned=200, join_marks=False)[1].tokenizer
    assert len(ids(apart, word)) > 1


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("<eos>", "is one token of this model already"),
        ("a<eos>b", "holds the special token '<eos>'"),
        ("i", "is one token of this model already"),
    ],
)
def test_a_word_that_is_a_token_or_holds_a_special_one_is_refused(word: str, said: str) -> None:
    # Seen to fail with _check_words left out.
    old = tiny_tokenizer(["i i i"] * 9)
    assert len(ids(old, "i")) == len(ids(old, " i")) == 1
    with pytest.raises(RecipeError, match=said):
        extend_tokenizer(old, Wanted((word,)), len(old))


@pytest.mark.parametrize("word", WORDS)
def test_nothing_is_added_twice(word: str) -> None:
    _, found = grown()
    with pytest.raises(RecipeError, match=f"{word}' is one token"):
        extend_tokenizer(found.tokenizer, Wanted((word,)), found.rows.stop)


def test_text_that_nothing_can_be_learned_from_is_refused() -> None:
    old = tiny_tokenizer()
    with pytest.raises(RecipeError, match="no token could be learned"):
        extend_tokenizer(old, Wanted((), 5, ["zq"]), len(old))


def test_a_tokenizer_without_a_file_to_extend_is_refused() -> None:
    with pytest.raises(ModelError, match=r"no tokenizer\.json"):
        extend_tokenizer(object(), Wanted(WORDS), 1)


def pieces_of_words(scheme: str) -> Any:
    """A tokenizer of SentencePiece's kind: spaces are characters, and one comes before a text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.Unigram())
    raw.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    raw.decoder = decoders.Metaspace(prepend_scheme=scheme)
    trainer = trainers.UnigramTrainer(
        vocab_size=60, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False
    )
    raw.train_from_iterator(["the quick fox, (in Paris) at Tech Corp."] * 9, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="<unk>")


def test_words_are_added_to_pieces_where_what_stands_behind_them_stays() -> None:
    # Seen to fail with the marks behind a word left out of the check: "TechCorp, at" would be read
    # as "TechCorp , at".
    old = pieces_of_words("first")
    found = extend_tokenizer(old, Wanted(("TechCorp",)), len(old))
    text = "at TechCorp, (TechCorp) in TechCorp."
    assert found.tokenizer.decode(ids(found.tokenizer, text)) == text
    with pytest.raises(RecipeError, match="would put a space behind 'TechCorp'"):
        extend_tokenizer(pieces_of_words("always"), Wanted(("TechCorp",)), len(old))
    with pytest.raises(ModelError, match=r"vocabulary\.learned"):
        extend_tokenizer(old, Wanted((), 5, TEXTS), len(old))


def test_tokens_are_learned_only_behind_byte_level_merges() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.WordLevel({"a": 0, "<unk>": 1}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    words = PreTrainedTokenizerFast(tokenizer_object=raw)
    with pytest.raises(ModelError, match=r"vocabulary\.learned"):
        extend_tokenizer(words, Wanted((), 5, TEXTS), 2)
    found = extend_tokenizer(words, Wanted(("TechCorp",)), 2)
    assert ids(found.tokenizer, "a TechCorp")[1:] == [2]


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gpt2"])
def test_old_rows_keep_their_bits_and_new_ones_are_means_of_their_parts(kind: Any) -> None:
    # Seen to fail with the norm matched in a head, and not in an embedding of its own.
    old, found = grown()
    model = tiny_model(kind, old)
    before = model.get_input_embeddings().weight.detach().clone()
    head = model.get_output_embeddings().weight.detach().clone()
    state = torch.random.get_rng_state()
    grow_model(model, found)
    assert torch.equal(state, torch.random.get_rng_state())
    after = model.get_input_embeddings().weight
    assert after.shape[0] == len(found.tokenizer) and after.shape[0] % 64 == 0
    assert torch.equal(after[: len(old)], before[: len(old)])
    assert torch.equal(model.get_output_embeddings().weight[: len(old)], head[: len(old)])
    for number, pieces in found.parts.items():
        if pieces:
            mean = head[list(pieces)].mean(dim=0)
            assert torch.equal(model.get_output_embeddings().weight[number], mean)
            if kind == "qwen3":
                wanted = before[list(pieces)].norm(dim=1).mean()
                assert torch.isclose(after[number].norm(), wanted, rtol=1e-4)
                assert torch.equal(after[number], matched_mean(before[list(pieces)]))


def test_the_bias_of_a_head_grows_as_its_rows_do() -> None:
    # Seen to fail with the bias left as resizing makes it: zero.
    old, found = grown()
    model = tiny_model("qwen3", old)
    head = torch.nn.Linear(model.config.hidden_size, len(old))
    model.set_output_embeddings(head)
    before = head.bias.detach().clone()
    grow_model(model, found)
    after = model.get_output_embeddings().bias
    assert torch.equal(after[: len(old)], before)
    for number, pieces in found.parts.items():
        wanted = before[list(pieces)] if pieces else before
        assert torch.equal(after[number], wanted.mean(dim=0))


def test_a_padded_vocabulary_is_never_shrunk() -> None:
    # Seen to fail with a resize to the tokenizer's length.
    old = tiny_tokenizer()
    model = tiny_model("llama", old)
    model.resize_token_embeddings(1024, mean_resizing=False)
    before = model.get_input_embeddings().weight.detach().clone()
    found = extend_tokenizer(old, Wanted(WORDS, 60, TEXTS), 1024)
    assert all(found.parts.values())  # none is reserved
    grow_model(model, found)
    after = model.get_input_embeddings().weight
    assert after.shape[0] == 1024
    assert torch.equal(after[found.rows.stop :], before[found.rows.stop :])


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("exact", [True, False])
def test_the_real_tokenizer_decodes_and_reaches_every_new_token(exact: bool) -> None:
    from steep.model.load import load_tokenizer, resolve_model

    old = load_tokenizer(resolve_model("smollm2-135m"))
    wanted = Wanted(WORDS, 60, TEXTS, whole_words=exact, join_marks=exact)
    found = extend_tokenizer(old, wanted, len(old))
    check_round_trips(found.tokenizer)
    assert len(ids(found.tokenizer, " TechCorp")) == 1 < len(ids(old, " TechCorp"))
    check_reached(found)


def test_a_saved_tokenizer_comes_back_as_the_same_extension(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    old, found = grown()
    found.tokenizer.save_pretrained(tmp_path)
    again = extension_of(old, AutoTokenizer.from_pretrained(tmp_path))
    assert again.parts == found.parts
    for text in (*TEXTS, "at TechCorp in New York"):
        assert ids(again.tokenizer, text) == ids(found.tokenizer, text)
