"""HTML to a tree of elements, in time that goes by its length however its tags are nested."""

from __future__ import annotations

import warnings
from typing import Any

from bs4 import BeautifulSoup
from bs4.builder._lxml import LXMLTreeBuilder  # where its type is known

DEEPEST = 500
"""Elements within one another; no person nests more, and a page that does isn't read."""
_MANY_TAGS = 20_000
_AT_ONCE = 1 << 16  # characters


def parse_html(text: str) -> BeautifulSoup:
    """The tree of a page.

    Of tags that nothing closes each may be searched through for each closing one, so a page of
    very many is parsed in parts, and given up once it is deeper than ``DEEPEST``.

    Raises:
        RecursionError: that was found while parsing; a page of fewer tags may be deeper too.
    """
    with warnings.catch_warnings():
        # bs4 warns about text that looks like a file name or like XML; both are fine here.
        warnings.simplefilter("ignore")
        if text.count("<") < _MANY_TAGS:
            return BeautifulSoup(text, "lxml")
        return BeautifulSoup(text, builder=_InParts())


class _InParts(LXMLTreeBuilder):
    """Feeds the parser so much at once; wherever the parts end, the tree is the same."""

    def feed(self, markup: Any) -> None:
        """Parse text (never bytes, which could end within a letter)."""
        soup: Any = self.soup
        this: Any = self
        parser: Any = this.parser_for(soup.original_encoding)
        this.parser = parser
        for at in range(0, len(markup), _AT_ONCE):
            parser.feed(markup[at : at + _AT_ONCE])
            if len(soup.tagStack) > DEEPEST:
                raise RecursionError("elements of a page")
        parser.close()
