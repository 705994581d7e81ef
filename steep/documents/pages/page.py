"""What of an HTML page is its content: not menus and furniture, nor what nobody sees."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PreformattedString, Tag

from steep.documents.pages.html_text import BLOCKS, HEADINGS, names
from steep.documents.pages.parse import DEEPEST
from steep.documents.pages.symbols import font_of, holds_signs, in_font

_NEVER_TEXT = names(
    "head script style template noscript svg iframe object canvas select button input textarea"
)
_FURNITURE = ("nav", "footer", "aside", "form")
_ROLES_OF_FURNITURE = ("navigation", "contentinfo", "search")
_EXPORTED = "#breadcrumb-section, .page-metadata, .expand-control"
_ATTACHED = "h2#attachments, .pageSectionHeader > #attachments"
"""What Confluence writes around a page that it exports: its way, who made it, what is attached."""
_LABELLED = (*HEADINGS, "dt", "summary", "li")
"""Elements that a button may be the words of, as in a list of questions that fold open."""
_REMARKS = names(
    "note notes warning tip admonition caution important danger hint callout footnote footnotes"
)
_ANCHORS = ("¶", "#", "🔗")
_WORD = re.compile(r"[^\W_]+")
_LETTER = re.compile(r"[^\W\d_]")

Elements = dict[str, list[Tag]]


def elements_of(soup: BeautifulSoup) -> Elements:
    """All elements by their names, each in the page's order.

    Raises:
        RecursionError: they are nested more deeply than anything that people write.
    """
    found: Elements = defaultdict(list)
    around: list[Tag] = [soup]
    for tag in soup.descendants:
        if isinstance(tag, Tag):
            while around[-1] is not tag.parent:
                around.pop()
            around.append(tag)
            if len(around) > DEEPEST:
                raise RecursionError("elements of a page")
            found[tag.name].append(tag)
    return found


def title_of(elements: Elements) -> str:
    """The page's title; a drawing in it may have one of its own."""
    titles = (tag for tag in elements.get("title", ()) if tag.find_parent("svg") is None)
    return next((tag.get_text().strip() for tag in titles), "")


def drop_unseen(soup: BeautifulSoup, elements: Elements) -> None:
    """Drop what is never text, what is hidden, and what says a thing for the second time."""
    controlled: set[str] = set()
    hidden: list[Tag] = []
    attributed = [tag for tags in elements.values() for tag in tags if tag.attrs]
    for tag in attributed:
        controlled.update(str(tag.get("aria-controls") or "").split())
        # Whole parts that a page folds away say aria-hidden too: only words go by it.
        is_aria = str(tag.get("aria-hidden")).casefold() == "true" and tag.name not in BLOCKS
        if is_aria or "hidden" in tag.attrs:
            hidden.append(tag)
    _keep_labels(elements.get("button", ()))
    never = (tag for name in _NEVER_TEXT for tag in elements.get(name, ()))
    _drop(tag for tag in never if tag.name in _NEVER_TEXT)
    _drop(tag for tag in elements.get("a", ()) if not tag.decomposed and _is_anchor(tag))
    for math in elements.get("math", ()):
        if not math.decomposed:
            _say_once(math)
    for tag in attributed:
        if not tag.decomposed and (font := _own_font(tag)) and holds_signs(font):
            _set_in(tag, font)
    left = [tag for tag in hidden if not tag.decomposed]
    _drop_if_small(soup, [tag for tag in left if not _opens(tag, controlled)])


def _own_font(tag: Tag) -> str:
    """The font that an element itself is set in: of styles those with signs, or what they have."""
    style = str(tag.get("style") or "")
    return font_of(style) or str(tag.get("face") or "") or ("font" if "font" in style else "")


def _set_in(tag: Tag, font: str) -> None:
    """Write the signs that a font makes of an element's letters, but for those in another font."""
    for text in tag.find_all(string=True):
        within = next(p for p in text.parents if p is tag or _own_font(p))
        if within is tag:
            text.replace_with(NavigableString(in_font(str(text), font)))


def drop_furniture(soup: BeautifulSoup, elements: Elements, *, is_book: bool) -> None:
    """Drop menus, headers, footers and the like; of a book only what leads through it."""
    if is_book:
        _drop(elements.get("nav", ()))
        return
    # Some sites wrap the whole page in one form: that one isn't furniture.
    for name in _FURNITURE:
        if name == "form":
            _drop_if_small(soup, elements.get(name, ()))
        else:
            _drop(tag for tag in elements.get(name, ()) if not _is_remark(tag))
    _drop(soup.find_all(attrs={"role": _ROLES_OF_FURNITURE}))
    _drop(soup.select(_EXPORTED))
    for heading in soup.select(_ATTACHED):
        section = heading.find_parent(class_="pageSection")
        _drop([heading if section is None else section])
    # The header of an article or a section holds its heading, that of a page its menu.
    _drop(
        tag
        for tag in elements.get("header", ())
        if not tag.decomposed and tag.find_parent(("section", "article", "main")) is None
    )


def main_part(soup: BeautifulSoup) -> Tag:
    """The <main> or <article> that holds most of the text, else everything.

    An article among others is a part of what holds them all.
    """
    body = body_of(soup)
    candidates = [*body.find_all(("main", "article")), *body.find_all(attrs={"role": "main"})]
    if not candidates:
        return body
    sizes, whole = _sizes(body, candidates)
    if max(sizes) <= 0.5 * whole:
        return body
    chosen = candidates[sizes.index(max(sizes))]
    if not isinstance(chosen, Tag):
        return body
    if chosen.name == "article" and chosen.parent is not None:
        others = (*chosen.find_previous_siblings("article"), *chosen.find_next_siblings("article"))
        if any(other.get_text("", strip=True) for other in others):
            return chosen.parent
    return chosen


def body_of(soup: BeautifulSoup) -> Tag:
    """The page's body, or all there is."""
    return soup.body if soup.body is not None else soup


def _drop(tags: Iterable[Any]) -> None:
    """Take elements out; of many siblings in one pass, where each alone would be searched for."""
    groups: dict[int, tuple[Tag, list[Tag]]] = {}
    for tag in tags:
        if not tag.decomposed and tag.parent is not None:
            groups.setdefault(id(tag.parent), (tag.parent, []))[1].append(tag)
    for parent, inner in groups.values():
        if parent.decomposed:  # with what it is in
            continue
        places = {id(child): place for place, child in enumerate(parent.contents)}
        for tag in sorted(inner, key=lambda tag: -places[id(tag)]):
            if tag.decomposed:  # named twice
                continue
            tag.extract(_self_index=places[id(tag)])
            tag.decompose()


def _drop_if_small(soup: BeautifulSoup, tags: Sequence[Tag]) -> None:
    """Drop elements that don't hold most of the page."""
    left = [tag for tag in tags if not tag.decomposed]
    if left:
        sizes, whole = _sizes(soup, left)
        _drop(tag for tag, size in zip(left, sizes, strict=True) if size <= 0.5 * whole)


def _sizes(part: Tag, tags: Sequence[Any]) -> tuple[list[int], int]:
    """How many characters some elements below another hold, and that one; in one pass."""
    sizes = dict.fromkeys(map(id, tags), 0)
    around: list[Any] = [part]
    before: list[int] = [0]  # of each open element, what stands before it
    said = 0
    for node in part.descendants:
        while around[-1] is not node.parent:
            closed = id(around.pop())
            begun = before.pop()
            if closed in sizes:
                sizes[closed] = said - begun
        if isinstance(node, Tag):
            around.append(node)
            before.append(said)
        elif isinstance(node, NavigableString) and not isinstance(node, PreformattedString):
            said += len(node.strip())
    for closed, begun in zip(map(id, around), before, strict=True):
        if closed in sizes:
            sizes[closed] = said - begun
    return [sizes[id(tag)] for tag in tags], said


def _keep_labels(buttons: Sequence[Tag]) -> None:
    """Make words of buttons that are all a heading says, or part of what a list's item does."""
    within: dict[int, tuple[Tag, list[Tag]]] = {}
    for button in buttons:
        block = button.find_parent(list(BLOCKS))
        if isinstance(block, Tag) and block.name in _LABELLED:
            within.setdefault(id(block), (block, []))[1].append(button)
    for block, inner in within.values():
        inside = sum(len(_LETTER.findall(button.get_text())) for button in inner)
        has_more = len(_LETTER.findall(block.get_text())) > inside
        if has_more == (block.name == "li"):
            for button in inner:
                button.name = "span"


def _say_once(math: Tag) -> None:
    """Leave one rendering of a formula: what its author wrote, else its signs."""
    notes = math.find_all(("annotation", "annotation-xml"))
    written = next((n for n in notes if "tex" in str(n.get("encoding")).casefold()), None)
    said = written.get_text() if written is not None else str(math.get("alttext") or "")
    if said.strip():
        math.string = said.strip()
    else:
        _drop(notes)


def _is_anchor(link: Tag) -> bool:
    """True for the sign beside a heading that links to it."""
    if "headerlink" in (link.get("class") or ()):
        return True
    here = str(link.get("href") or "").startswith("#")
    return here and link.get_text("", strip=True) in _ANCHORS and _in_heading(link)


def _in_heading(tag: Tag) -> bool:
    return tag.find_parent(list(HEADINGS)) is not None


def _opens(tag: Tag, controlled: set[str]) -> bool:
    """True for what a reader can open: a tab, a folded answer, what a search finds."""
    return (
        tag.get("role") == "tabpanel"
        or tag.get("hidden") == "until-found"
        or tag.get("id") in controlled
    )


def _is_remark(tag: Tag) -> bool:
    """True for an aside that is part of the text: a note, a warning, a footnote."""
    if tag.name != "aside":
        return False
    named = tag.get("class") or ()
    said = [str(tag.get("role") or ""), *(named if isinstance(named, list) else [str(named)])]
    return any(word in _REMARKS for one in said for word in _WORD.findall(one.casefold()))
