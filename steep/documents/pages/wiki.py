"""Pages of MediaWiki exports: Wikipedia's dumps, and what a company's own wiki writes."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from steep.documents.formats import Fault, Piece
from steep.documents.pages.wikitext import Names, wikitext_to_text
from steep.documents.xml.safe import local_name

_LICENCE = "CC BY-SA"
_WIKIMEDIA = re.compile(r"https?://[\w.-]*\bwik\w+\.org/")
_ARTICLES, _FILES, _CATEGORIES = "0", "6", "14"
_FIRST_OWN = 100
"""From here on a wiki adds namespaces of its own; the odd ones are their talk."""
_EXTENSIONS = {
    *(108, 118, 126, 274, 420, 446, 460, 470, 484, 486, 710, 828, 1198, 1728, 2300, 2302, 2600),
}
_NO_ARTICLES = re.compile(
    r"portal\w*|portail|портал|wikiportal|draft|book|module?|timedtext|gadget.*|topic|widget"
    r"|property|concept|form|mos|author|translations|index|page"
)
_REDIRECT = re.compile(
    r"\s*#(?:redirect|weiterleitung|redirection|redirección|redirecionamento|rinvia|doorverwijzing"
    r"|omdirigering|patrz|перенаправление)\s*:?\s*\[\[[^\[\]\n]*\]\]",
    re.IGNORECASE,
)


class WikiPages:
    """A reader of MediaWiki pages: articles, those of the wiki's own namespaces among them.

    Redirects are passed over; pages of other namespaces (talk, users, templates) are counted.
    """

    def __init__(self) -> None:
        self._parser: Any = importlib.import_module("mwparserfromhell")
        self._spaces: dict[str, str] | None = None
        self._names = Names()
        self._licence: str | None = _LICENCE
        self._others: Counter[str] = Counter()

    def __call__(self, page: Any, locator: str) -> Piece | Fault | None:
        """The document of a page, if it is an article."""
        if self._spaces is None:
            self._read_site(page.getparent())
        said = {local_name(e): e.text or "" for e in page.iter() if isinstance(e.tag, str)}
        title, text = said.get("title", ""), said.get("text", "")
        if "redirect" in said or _REDIRECT.match(text):
            return None
        space = said.get("ns", "").strip() or self._space_of(title)
        if not self._holds_articles(space) or said.get("model", "wikitext") != "wikitext":
            self._others[space] += 1
            return None
        try:
            whole = wikitext_to_text(text, self._parser, self._names, title)
        except MemoryError:
            raise
        except Exception as error:  # the parser broke on it: that page's loss alone
            detail = f"is a page that can't be parsed ({type(error).__name__}); mend its markup"
            return Fault("unreadable file", detail, locator, fatal=False)
        date = said.get("timestamp", "")[:10] or None
        return Piece(whole, title, locator, date=date, licence=self._licence)

    def rest(self) -> Iterator[Fault]:
        """What wasn't read, one fault for each namespace."""
        for space, count in sorted(self._others.items()):
            name = (self._spaces or {}).get(space) or space
            detail = f"has pages of the namespace {name!r} ({count:,}), which aren't articles"
            yield Fault("ignored", detail, fatal=False)

    def _read_site(self, root: Any) -> None:
        """Take what the export says of the wiki before its first page."""
        self._spaces = {}
        for element in root.iter() if root is not None else ():
            if local_name(element) == "namespace":
                self._spaces[str(element.get("key"))] = (element.text or "").strip()
            elif local_name(element) == "base" and not _WIKIMEDIA.match(element.text or ""):
                self._licence = None  # whose text it is, the export doesn't say
            elif local_name(element) == "page":
                break
        self._names.all = {name.casefold() for name in self._spaces.values() if name}
        own = (self._spaces.get(key, "") for key in (_FILES, _CATEGORIES))
        self._names.dropped |= {name.casefold() for name in own if name}

    def _space_of(self, title: str) -> str:
        """The namespace of a page that old exports tell by its title alone."""
        prefix = title.partition(":")[0].casefold() if ":" in title else ""
        spaces = (self._spaces or {}).items()
        return next((key for key, name in spaces if name and name.casefold() == prefix), _ARTICLES)

    def _holds_articles(self, space: str) -> bool:
        if not space.isdecimal() or len(space) > 9:
            return False
        number = int(space)
        if number < _FIRST_OWN:
            return number == 0
        name = (self._spaces or {}).get(space, "").casefold()
        is_technical = number in _EXTENSIONS or _NO_ARTICLES.fullmatch(name) is not None
        return number % 2 == 0 and not is_technical
