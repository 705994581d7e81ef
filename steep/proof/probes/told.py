"""What trained documents tell already: a fact that one of them tells is no control."""

from __future__ import annotations

from collections.abc import Sequence

from steep.documents.record import Document
from steep.proof.probes.facts import WIDESPREAD
from steep.proof.probes.index import Index
from steep.proof.probes.items import Item

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
        for name in {name.casefold() for name in item.names}:
            naming = self._holding(name)
            if len(naming) <= self._widespread and holders & naming:
                return True
        if item.subject and holders & self._holding(item.subject.casefold()):
            return True
        return any(
            sentence.document in holders and value in sentence.text.casefold()
            for sentence in self._index.sharing(item.telling, _TELLS)
        )

    def _holding(self, text: str) -> frozenset[int]:
        """Numbers of the trained documents with this text, which is in small letters."""
        if text not in self._found:
            holders = (number for number, whole in enumerate(self._texts) if text in whole)
            self._found[text] = frozenset(holders)
        return self._found[text]
