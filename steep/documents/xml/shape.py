"""The shape of an XML file: what its records are, told from structure alone.

No schema is known. A *record* is an element that comes at least twice and has two or more
*fields*: attributes, or children that come the same number of times nearly wherever they come
at all. *Prose* is mixed content (words beside elements) and paragraphs. The outermost records
are taken; where nearly all of a record is many smaller records, or records that nest in their like,
it only groups them, and both are records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

MAX_DEPTH = 200
PARAGRAPHS = ("p", "para", "paragraph")
NAMING_ATTRIBUTES = ("name", "key")
"""Of a leaf among leaves of the same tag, these say what it holds: ``<str name="city">``."""
_MIN_FIELDS = 2
_MIN_PRESENCE = 0.5
_MIN_REGULARITY = 0.9
_MAX_REPEATED_FIELDS = 64
_MIN_MIXED = 0.05
_MIN_SECTION_FIELDS = 3
"""So many fields of its own make an element with running paragraphs a record, not a section."""
_MIN_RECORD_SHARE = 0.5
_MAX_PROSE_SHARE = 0.3
_MIN_GROUP_SHARE = 0.8
_MIN_GROUP_SIZE = 8
_SCHEMA_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"
_XML = "{http://www.w3.org/XML/1998/namespace}"
_LAYOUT = (f"{_XML}space", f"{_XML}base")
_USUAL_ATTRIBUTES = 1000


class TooDeepError(ValueError):
    """Elements are nested deeper than ``MAX_DEPTH``."""


@dataclass
class Tag:
    """What all elements of one tag have in common.

    ``children`` counts, for each kind of child ("@name" for an attribute, "#text" for the text
    of a leaf), how many elements have it how many times.
    """

    count: int = 0
    mixed: int = 0
    inline: int = 0
    characters: int = 0
    leaves: int = 0
    children: dict[str, Counter[int]] = field(default_factory=dict)


@dataclass
class Survey:
    """The tags of a file, which is found inside which, and how many characters that is."""

    tags: dict[str, Tag] = field(default_factory=dict)
    inside: dict[tuple[str, str], int] = field(default_factory=dict)
    names: dict[str, set[str]] = field(default_factory=dict)

    def is_prose(self, tag: str) -> bool:
        """True for paragraphs and for elements that often mix words with elements."""
        found = self.tags[tag]
        return local_name(tag) in PARAGRAPHS or found.mixed > _MIN_MIXED * found.count


@dataclass(frozen=True)
class Shape:
    """How to read a file.

    Attributes:
        records: the tags whose elements are documents; none if the file is one document.
        carriers: the tags that have records inside.
        prose: the tags of running text.
        sections: the tags with too few fields of their own to be more than a place for prose.
    """

    survey: Survey
    records: frozenset[str]
    carriers: frozenset[str]
    prose: frozenset[str]
    sections: frozenset[str]


class _Fields(NamedTuple):
    """Fields of a tag, those of them that are elements without prose, and running prose."""

    all: int
    own: int
    running: bool


def find_shape(root: Any) -> Shape:
    """Find the records of a parsed file (an lxml element, without comments).

    Raises:
        TooDeepError: elements are nested too deeply.
    """
    survey = _survey(root)
    prose = frozenset(tag for tag in survey.tags if survey.is_prose(tag))
    fields = {tag: _count_fields(survey, tag, prose) for tag in survey.tags}
    sections = frozenset(tag for tag in fields if fields[tag].own < _MIN_SECTION_FIELDS)
    able = {
        tag
        for tag, found in survey.tags.items()
        if found.count >= 2
        and tag not in prose
        and 2 * found.inline <= found.count
        and fields[tag].all >= _MIN_FIELDS
        and not (fields[tag].running and tag in sections)
    }
    outermost, in_records, in_prose = _outermost(root, able, prose)
    total = survey.tags[root.tag].characters
    records: set[str] = set()
    if in_records >= _MIN_RECORD_SHARE * total and in_prose <= _MAX_PROSE_SHARE * total:
        for tag in outermost:
            _add_with_members(survey, tag, able, records)
    carriers = frozenset(outer for outer, inner in survey.inside if inner in records)
    return Shape(survey, frozenset(records), carriers, prose, sections)


def local_name(tag: str) -> str:
    """A tag or an attribute without its namespace."""
    return tag.rpartition("}")[2]


def attributes(element: Any) -> Iterator[tuple[str, str]]:
    """Attributes that say something: not those about schemas or layout, nor empty ones."""
    for name, value in _all_attributes(element):
        if not name.startswith(_SCHEMA_INSTANCE) and name not in _LAYOUT and value.strip():
            yield name, value


def _all_attributes(element: Any) -> Iterable[tuple[str, str]]:
    """All attributes; lxml's own list of them takes squared time, which no sane file notices."""
    if len(element.attrib) <= _USUAL_ATTRIBUTES:
        return cast("list[tuple[str, str]]", element.attrib.items())
    return ((value.attrname, str(value)) for value in element.xpath("@*"))


def naming_attribute(element: Any) -> str | None:
    """The attribute that says what a leaf's text (or its "value") is, if there is one."""
    if len(element) or not (_length(element.text) or element.get("value")):
        return None
    return next((name for name in NAMING_ATTRIBUTES if element.get(name, "").strip()), None)


def is_mixed(element: Any) -> bool:
    """True if words stand beside the element's children."""
    return len(element) > 0 and (
        _length(element.text) > 0 or any(_length(child.tail) for child in element)
    )


def characters(element: Any) -> int:
    """Characters of an element's text and attributes, white space around them not counted."""
    return sum(
        _length(inner.text)
        + (_length(inner.tail) if inner is not element else 0)
        + sum(len(value) for _, value in attributes(inner))
        for inner in element.iter()
    )


def _length(text: str | None) -> int:
    return len(text.strip()) if text else 0


def _survey(root: Any) -> Survey:
    """Count in one pass, with the elements that are open on a stack."""
    from lxml import etree

    survey = Survey()
    open_tags: list[str] = []
    sizes: list[int] = []
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "start":
            if len(open_tags) >= MAX_DEPTH:
                raise TooDeepError
            open_tags.append(element.tag)
            sizes.append(0)
            continue
        tag = open_tags.pop()
        size = sizes.pop() + _length(element.text)
        size += sum(len(value) for _, value in attributes(element))
        if sizes:
            sizes[-1] += size + _length(element.tail)
        outermost = tag not in open_tags
        for outer in dict.fromkeys(open_tags):
            before = survey.inside.get((outer, tag), 0)
            survey.inside[outer, tag] = before + (size if outermost else 0)
        _count(survey, element, size if outermost else 0)
    return survey


def _count(survey: Survey, element: Any, size: int) -> None:
    found = survey.tags.get(element.tag)
    if found is None:
        found = survey.tags[element.tag] = Tag()
        survey.names.setdefault(local_name(element.tag), set()).add(element.tag)
    found.count += 1
    found.characters += size
    kinds = Counter(f"@{name}" for name, _ in attributes(element))
    for child in element:
        naming = naming_attribute(child)
        kinds[child.tag if naming is None else f"{child.tag} {child.get(naming)}"] += 1
    if is_mixed(element):
        found.mixed += 1
        for child in element:
            survey.tags[child.tag].inline += 1
    elif not len(element):
        found.leaves += 1
        if _length(element.text):
            kinds["#text"] += 1
    for kind, number in kinds.items():
        found.children.setdefault(kind, Counter())[number] += 1


def _count_fields(survey: Survey, tag: str, prose: frozenset[str]) -> _Fields:
    """Count the attributes and children that come regularly."""
    found = survey.tags[tag]
    fields = own = 0
    running = False
    for kind, numbers in found.children.items():
        present = numbers.total()
        child = kind.partition(" ")[0] if kind[0] not in "@#" else ""
        often, much = numbers.most_common(1)[0]
        if child in prose:
            several = present - numbers[1] > (1 - _MIN_REGULARITY) * present
            running = running or several or local_name(child) in PARAGRAPHS
            regular = not several and local_name(child) not in PARAGRAPHS
        else:
            regular = much >= _MIN_REGULARITY * present and often <= _MAX_REPEATED_FIELDS
        if child == tag or not regular or present <= _MIN_PRESENCE * found.count:
            continue
        fields += often
        own += often if child and child not in prose else 0
    return _Fields(fields, own, running)


def _outermost(root: Any, able: set[str], prose: frozenset[str]) -> tuple[list[str], int, int]:
    """The tags of the outermost records, and how much is in them and in prose outside."""
    tags: dict[str, None] = {}
    in_records = in_prose = 0
    waiting = [root]
    while waiting:
        element = waiting.pop()
        if element.tag in able:
            tags[element.tag] = None
            in_records += characters(element)
        elif element.tag in prose:
            in_prose += characters(element)
        else:
            waiting.extend(element)
    return list(tags), in_records, in_prose


def _add_with_members(survey: Survey, tag: str, able: set[str], records: set[str]) -> None:
    """Add a tag; if its elements are mostly groups of many records, add those as well."""
    if tag in records:
        return
    records.add(tag)
    group = survey.tags[tag]
    for inner in sorted(able - {tag}):
        member = survey.tags[inner]
        held = survey.inside.get((tag, inner))
        if held is None:
            continue
        nested = (inner, inner) in survey.inside and member.count > group.count
        many = member.count >= _MIN_GROUP_SIZE * group.count and member.leaves < member.count
        if nested or (many and held >= _MIN_GROUP_SHARE * group.characters):
            _add_with_members(survey, inner, able, records)
            records |= {
                between
                for between in able
                if (tag, between) in survey.inside and (between, inner) in survey.inside
            }
