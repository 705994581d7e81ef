import random

import pytest

from steep.documents.record import Document
from steep.documents.split import choose_groups, split_held_out


def make(seed: int, words: int = 60, extra: str = "") -> Document:
    rng = random.Random(seed)
    text = " ".join("".join(rng.choices("abcdefghijklmnop", k=6)) for _ in range(words))
    return Document(text + extra, "t", f"docs/{seed}{extra}.txt")


DOCUMENTS = [make(seed) for seed in range(60)]


def characters(documents: tuple[Document, ...] | list[Document]) -> int:
    return sum(len(d.text) for d in documents)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_parts_are_disjoint_complete_ordered_and_near_the_share(share: float) -> None:
    split = split_held_out(DOCUMENTS, share, seed=0)
    held = set(split.held_out)
    assert split.trained == tuple(d for d in DOCUMENTS if d not in held)
    assert split.held_out == tuple(d for d in DOCUMENTS if d in held)
    assert abs(characters(split.held_out) / characters(DOCUMENTS) - share) < 0.02


def test_the_same_seed_gives_the_same_split_and_another_another() -> None:
    assert split_held_out(DOCUMENTS, 0.2, 1) == split_held_out(DOCUMENTS, 0.2, 1)
    assert split_held_out(DOCUMENTS, 0.2, 1) != split_held_out(DOCUMENTS, 0.2, 2)


def test_near_copies_stay_together() -> None:
    pairs = [d for seed in range(20) for d in (make(seed), make(seed, extra=" copy"))]
    for seed in range(5):
        split = split_held_out(pairs, 0.3, seed)
        trained = {d.text.removesuffix(" copy") for d in split.trained}
        assert split.held_out
        assert not trained & {d.text.removesuffix(" copy") for d in split.held_out}


def test_one_more_document_hardly_changes_the_split() -> None:
    before = set(split_held_out(DOCUMENTS, 0.2, 0).held_out)
    for position in (0, 30, 60):
        more = [*DOCUMENTS[:position], make(999), *DOCUMENTS[position:]]
        after = set(split_held_out(more, 0.2, 0).held_out)
        assert len(before ^ after) <= 3


def test_edges() -> None:
    assert split_held_out(DOCUMENTS, 0.0, 0).held_out == ()
    assert split_held_out(DOCUMENTS[:1], 0.5, 0).held_out == ()
    assert split_held_out([], 0.5, 0).trained == ()
    one_group = [make(1), make(1, extra=" copy")]
    assert split_held_out(one_group, 0.5, 0).held_out == ()
    assert len(split_held_out(DOCUMENTS[:2], 0.01, 0).held_out) == 1
    assert len(split_held_out(DOCUMENTS[:2], 0.99, 0).trained) == 1
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        split_held_out(DOCUMENTS, 1.0, 0)


def test_a_group_larger_than_twice_the_target_is_passed_over() -> None:
    documents = [make(0, words=2000), *DOCUMENTS[1:20]]
    groups = list(range(len(documents)))
    for seed in range(10):
        assert 0 not in choose_groups(documents, groups, 0.1, seed)


def test_if_all_groups_are_too_large_the_smallest_is_held_out() -> None:
    documents = [make(0, words=500), make(1, words=300), make(2, words=400)]
    assert choose_groups(documents, [0, 1, 2], 0.01, 0) == {1}
