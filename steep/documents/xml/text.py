"""What an XML element says: a record as fields and texts, prose as paragraphs."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from steep.documents.pages.raised import BEGIN, END, set_raised
from steep.documents.tables.fields import LONGEST_FIELD_CHARACTERS, TEXT_FIELDS, say
from steep.documents.xml.shape import (
    PARAGRAPHS,
    Shape,
    attributes,
    characters,
    is_mixed,
    local_name,
    naming_attribute,
)

_WORD_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[\s_.:-]+")
_BLANK_LINE = re.compile(r"\n[ \t\r]*\n\s*")
_HTML = re.compile(
    r"</?(?:a|b|blockquote|br|code|div|em|h[1-6]|i|img|li|ol|p|pre|span|strong|table|td|tr|ul)"
    r"(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?=\S*\d)\S{1,8}")
_VERBATIM = frozenset(
    (
        "programlisting",
        "screen",
        "literallayout",
        "codeblock",
        "msgblock",
        "pre",
        "lines",
        "verbatim",
    )
)
_RAISED = ("sup", "superscript")
_REFERS = ("ref", "link")
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_MAX_INLINE = 4
"""An element with more leaves than this stands apart from the paragraph that it is in."""
_MAX_LIST = 12
"""Data outside records with more values than this is read as lines, not as one record."""


@dataclass
class Said:
    """What was read of an element: fields in the file's order, and the longer texts."""

    fields: dict[str, str] = field(default_factory=dict)
    blocks: list[str] = field(default_factory=list)

    def add(self, name: str, value: str) -> None:
        """Add a field; a name that comes again gets both values; a long text is a block."""
        paragraphs = _paragraphs(value.lstrip(" ,;") or value)
        if len(paragraphs) == 1 and len(paragraphs[0]) <= LONGEST_FIELD_CHARACTERS:
            before = self.fields.get(name)
            self.fields[name] = paragraphs[0] if before is None else f"{before}; {paragraphs[0]}"
        elif paragraphs:
            if name.rpartition(" ")[2] not in TEXT_FIELDS:
                paragraphs[0] = f"{name}: {paragraphs[0]}"
            self.blocks += paragraphs

    def text(self) -> str:
        """Everything as one text: the fields as sentences, then the longer texts."""
        return "\n\n".join(part for part in (say(self.fields), *self.blocks) if part)


@functools.lru_cache(maxsize=4096)
def words(name: str) -> str:
    """A tag or an attribute as words: ``pubDate`` is "pub date", ``ISBN`` stays."""
    parts = [part for part in _WORD_BREAK.split(local_name(name)) if part]
    return " ".join(part if part.isupper() else part.lower() for part in parts)


def read_fields(element: Any, shape: Shape) -> Said:
    """Read an element as a record, without the records inside it."""
    said = Said()
    _collect(element, "", shape, said)
    return said


def read_prose(element: Any, shape: Shape) -> list[str]:
    """The paragraphs of an element, in order; records inside it are left out."""
    blocks: list[str] = []
    run: list[str] = []

    def end() -> None:
        blocks.extend(_paragraphs(set_raised("".join(run))))
        run.clear()

    def mixed(part: Any) -> None:
        run.append(part.text or "")
        for child in part:
            if child.tag in shape.records:
                pass
            elif _breaks(child, shape):
                end()
                block(child)
            elif _is_raised(child):
                run.append(BEGIN)
                mixed(child)
                run.append(END)
            else:
                mixed(child)
            # Names and the like have no space between their parts; words in a text have.
            last = child.getnext() is None
            run.append(child.tail or ("" if last or is_mixed(part) else " "))

    def block(part: Any) -> None:
        if lines := _verbatim(part, stands_alone=True) or _spaced(part):
            end()
            blocks.append(lines)
        elif is_mixed(part) or not len(part) or part.tag in shape.prose:
            mixed(part)
            end()
        elif data := _small_data(part, shape):
            run.append(data)
            end()
        else:
            for child in part:
                if child.tag in shape.records:
                    continue
                if not len(child) and _NUMBER.fullmatch((child.text or "").strip()):
                    run.append(f"{child.text} ")  # of a heading or a note: "2.1 Methods"
                else:
                    block(child)
            end()

    block(element)
    return blocks


def _breaks(element: Any, shape: Shape) -> bool:
    """True for a list, a table or the like inside a paragraph, not for words in it."""
    if _verbatim(element):
        return True
    if element.tag in shape.prose or is_mixed(element):
        return False
    leaves = 0
    for part in element.iterdescendants():
        leaves += not len(part)
        if part.tag in shape.prose or leaves > _MAX_INLINE:
            return True
    return False


def _verbatim(element: Any, *, stands_alone: bool = False) -> str | None:
    """The lines of code and the like, as they stand; None for what isn't, or has one line.

    ``stands_alone``: it isn't among words, so that what is called code is no word in a line.
    """
    name = local_name(element.tag).casefold()
    if name not in _VERBATIM and not (stands_alone and name == "code"):
        return None
    said = "".join(element.itertext()).strip("\r\n").rstrip()
    return said if "\n" in said.strip() else None


def _spaced(element: Any) -> str | None:
    """The lines of an element that says its white space counts; None for a paragraph or more."""
    if element.get(_SPACE) != "preserve" or local_name(element.tag) in PARAGRAPHS:
        return None
    if any(len(child) for child in element) or not (is_mixed(element) or not len(element)):
        return None
    said = "".join(element.itertext()).strip("\r\n").rstrip()
    return said if "\n" in said.strip() else None


def _is_raised(element: Any) -> bool:
    """True for a superscript that isn't in a reference, and holds none."""
    if local_name(element.tag).casefold() not in _RAISED:
        return False
    above = element.getparent()
    near = [*element, *(deeper for part in element for deeper in part)]
    near += () if above is None else (above,)
    return not any(local_name(one.tag).casefold().endswith(_REFERS) for one in near)


def _small_data(element: Any, shape: Shape) -> str | None:
    """An element of a few values and no prose, said as a record; else nothing."""
    inner = list(element.iter())
    if any(part.tag in shape.prose or part.tag in shape.records for part in inner):
        return None
    if any(_verbatim(part, stands_alone=True) for part in inner):
        return None
    if sum(not len(part) for part in inner) > _MAX_LIST:
        return None
    said = Said()
    _collect(element, "", shape, said, with_attributes=False)
    if not said.blocks and len(said.fields) == 1:
        return next(iter(said.fields.values()))
    return said.text()


def _collect(
    element: Any, prefix: str, shape: Shape, said: Said, *, with_attributes: bool = True
) -> None:
    """Read an element's attributes, text and children into ``said``, names after ``prefix``."""
    if with_attributes:
        for name, value in attributes(element):
            said.add(_joined(prefix, words(name)).strip(), value)
    if is_mixed(element):
        _texts(prefix or "text", read_prose(element, shape), said)
        return
    if not len(element) and element.text:
        said.add(prefix or "text", element.text)
    groups = _groups(element, shape)
    for name, members in groups.items():
        if element.tag in shape.records and len(groups) == 1 < len(members):
            # The cells of a row: so many fields.
            for number, member in enumerate(members, start=1):
                _members(f"{name} {number}", [member], shape, said, with_attributes)
        else:
            _members(_joined(prefix, name).strip(), members, shape, said, with_attributes)


def _joined(prefix: str, name: str) -> str:
    """ "authors", "author" is "authors author", but "article", "article title" is the latter."""
    last = prefix.rpartition(" ")[2]
    return (
        f"{prefix.removesuffix(last)}{name}" if name.split(" ")[0] == last else f"{prefix} {name}"
    )


def _members(
    name: str, members: Sequence[Any], shape: Shape, said: Said, with_attributes: bool
) -> None:
    """Read elements of one name: leaves as one list, others one by one."""
    if all(not len(member) for member in members):
        _leaves(name, members, said, with_attributes)
    elif len(members) == 1:
        _compound(members[0], name, shape, said, with_attributes)
    else:
        for number, member in enumerate(members, start=1):
            _compound(member, f"{name} {number}", shape, said, with_attributes)


def _groups(element: Any, shape: Shape) -> dict[str, list[Any]]:
    """Children that aren't records, by what they are called."""
    groups: dict[str, list[Any]] = {}
    for child in element:
        if child.tag not in shape.records:
            naming = naming_attribute(child)
            name = _called(child, shape) if naming is None else child.get(naming)
            groups.setdefault(name, []).append(child)
    return groups


def _called(element: Any, shape: Shape) -> str:
    """An element's name; its prefix goes before it where two namespaces have that name."""
    name = words(element.tag)
    shared = len(shape.survey.names[local_name(element.tag)]) > 1
    return f"{words(element.prefix)} {name}" if shared and element.prefix else name


def _leaves(name: str, members: Sequence[Any], said: Said, with_attributes: bool) -> None:
    """Elements without children: one is a field, several are a list in one field."""
    if len(members) == 1:
        (member,) = members
        if lines := _verbatim(member, stands_alone=True):
            said.blocks.append(f"{name}:\n{lines}")
        else:
            said.add(name, _content(member))
        if with_attributes:
            for attribute, value in _others(member):
                said.add(f"{name} {attribute}", value)
        return
    values = [_value(member, with_attributes) for member in members]
    if any(len(value) > LONGEST_FIELD_CHARACTERS for value in values):
        for value in values:
            said.add(name, value)
    else:
        listed = "; ".join(value for value in values if value)
        _texts(name, [listed.replace(":; ", ": ")], said)


def _value(member: Any, with_attributes: bool) -> str:
    """A leaf of a list: its text, attributes in brackets."""
    text = " ".join(_content(member).split())
    extra = _others(member) if with_attributes else ()
    more = ", ".join(f"{attribute}: {value}" for attribute, value in extra)
    return f"{text} ({more})" if text and more else text or more


def _content(member: Any) -> str:
    """What a leaf says: its text; of one with a name but no text, its value."""
    text = member.text or ""
    return text if text.strip() or naming_attribute(member) is None else member.get("value", "")


def _others(member: Any) -> Iterator[tuple[str, str]]:
    """Attributes of a leaf, without those that are its name or its content already."""
    naming = naming_attribute(member)
    known = [naming] if naming is None or (member.text or "").strip() else [naming, "value"]
    for attribute, value in attributes(member):
        if attribute not in known:
            yield words(attribute), value


def _compound(member: Any, name: str, shape: Shape, said: Said, with_attributes: bool) -> None:
    """An element with children: prose, a list around elements of one kind, or more fields."""
    if _is_prose(member, shape):
        if with_attributes:
            for attribute, value in attributes(member):
                said.add(_joined(name, words(attribute)), value)
        _texts(name, read_prose(member, shape), said)
    elif _only_wraps(member, shape):
        inner = [child for child in member if child.tag not in shape.records]
        _members(name, inner, shape, said, with_attributes)
    else:
        _collect(member, name, shape, said, with_attributes=with_attributes)


def _is_prose(element: Any, shape: Shape) -> bool:
    """True if an element is running text, or little else than a place for it."""
    if element.tag in shape.prose or is_mixed(element):
        return True
    if not shape.prose or element.tag not in shape.sections:
        return False
    inner = 0
    waiting = list(element)
    while waiting:
        part = waiting.pop()
        if part.tag in shape.prose:
            inner += characters(part)
        else:
            waiting.extend(part)
    return 2 * inner > characters(element)


def _only_wraps(element: Any, shape: Shape) -> bool:
    """True if elements of this tag are lists: of nothing but elements of one kind."""
    kinds = shape.survey.tags[element.tag].children
    (first, *more) = kinds
    return (
        not more
        and first in shape.survey.tags
        and first not in shape.records
        and set(kinds[first]) != {1}
    )


def _texts(name: str, paragraphs: Iterable[str], said: Said) -> None:
    """Add paragraphs under one name: a short one as a field, else all as they stand."""
    found = [paragraph for paragraph in paragraphs if paragraph]
    if len(found) == 1:
        said.add(name, found[0])
    else:
        said.blocks += found


def _paragraphs(text: str) -> list[str]:
    """Text as paragraphs without line breaks; HTML written as text loses its markup."""
    if "<" in text and _HTML.search(text):
        # HTML nested without end costs its own markup, not the other records of the file.
        with contextlib.suppress(RecursionError):
            return _html_paragraphs(text)
    parts = _BLANK_LINE.split(text.strip()) if "\n" in text else [text]
    return [line for part in parts if (line := " ".join(part.split()))]


def _html_paragraphs(text: str) -> list[str]:
    from steep.documents.formats import Piece
    from steep.documents.pages.markup import read_html

    texts = [piece.text for piece in read_html(text) if isinstance(piece, Piece)]
    return [block for written in texts for block in written.split("\n\n") if block]
