"""What trained documents tell already: a fact that one of them tells is no control."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from steep.corpus.sentences import split_sentences
from steep.documents.record import Document
from steep.proof.probes.facts import WIDESPREAD
from steep.proof.probes.index import Index
from steep.proof.probes.items import Item
from steep.proof.probes.units import length_of, words_of

_TELLS = 2  # of an item's words beside its value in one sentence: then the text says it


class Told:
    """What trained documents tell, to leave out controls that aren't untrained.

    Args:
        index: the corpus; its first documents are ``trained``.
    """

    def __init__(self, index: Index, trained: Sequence[Document]) -> None:
        self._index = index
        self._texts = [f"{document.title}\n{document.text}".casefold() for document in trained]
        self._found: dict[str, frozenset[int]] = {}
        self._widespread = max(3.0, WIDESPREAD * len(trained))

    def holds(self, item: Item) -> bool:
        """True if a trained document has the value together with the subject, with a name that
        stands beside the value (unless it is one that everything is about), or with telling words.
        """
        value = item.value.casefold()
        holders = self._holding(value)
        if any(holders & self._holding(name) for name in self._beside(item)):
            return True
        return any(
            sentence.document in holders and value in sentence.text.casefold()
            for sentence in self._index.sharing(item.telling, _tells(item))
        )

    def untold(self, items: Sequence[Item], documents: Iterable[Document]) -> list[Item]:
        """Those of the items that further trained documents, which the index hasn't, don't tell."""
        left = [(item, item.value.casefold(), self._beside(item)) for item in items]
        for document in documents:
            whole = f"{document.title}\n{document.text}".casefold()
            left = [
                (item, value, beside)
                for item, value, beside in left
                if value not in whole
                or not (any(name in whole for name in beside) or _says(document, item, value))
            ]
        return [item for item, _, _ in left]

    def _beside(self, item: Item) -> set[str]:
        """Names, in small letters, that tell of an item where its value stands too."""
        names = {name.casefold() for name in item.names}
        names = {name for name in names if len(self._holding(name)) <= self._widespread}
        return names | ({item.subject.casefold()} if item.subject else set())

    def _holding(self, text: str) -> frozenset[int]:
        """Numbers of the trained documents with this text, which is in small letters."""
        if text not in self._found:
            holders = (number for number, whole in enumerate(self._texts) if text in whole)
            self._found[text] = frozenset(holders)
        return self._found[text]


def _tells(item: Item) -> int:
    """How many of an item's words are as long as two: stretches without spaces may be shorter."""
    length = sum(map(length_of, item.telling))
    return math.ceil(_TELLS * len(item.telling) / length) if length else _TELLS


def _says(document: Document, item: Item, value: str) -> bool:
    """True if a sentence of the document has the value beside some of the telling words."""
    telling, enough = set(item.telling), _tells(item)
    return any(
        value in sentence.casefold() and len(telling & set(words_of(sentence))) >= enough
        for sentence in split_sentences(document.text)
    )
