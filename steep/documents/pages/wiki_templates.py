"""What MediaWiki's templates say in a text, as far as their calls tell.

A template's own text isn't in the page. Those that only dress, convert or mark words say those
words; of others, sentences given to them and a lone argument amid a sentence stay. Fact boxes,
references, notes to editors and navigation say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

_FEWEST_WORDS = 4
_ENDS = (".", "!", "?", "。", "！", "？", "।", '."', ".”", ".)")
_SENTENCES = ("1", "2", "text", "content", "quote", "message", "body", "note", "message text")
_FIRST = re.compile(
    r"nowrap|nobr|nobreak|no ?wrap|small(?:er)?|big|larger?|em|strong|bold|b|i|u|italics?|code|kbd"
    r"|samp|var|mvar|math|tt|mono(?:space)?|abbr|tooltip|sic|chem2?|vanchor|visible anchor|ill"
    r"|interlanguage link|iw|(?:block|c|r)?quote|quotation|val|nts|number|flag|flagcountry|ship"
    r"|as written|not a typo|text|smallcaps|sc|sub|sup|tag|template link|tl|link"
)
_LAST = re.compile(
    r"lang|langx?(?:-[a-z-]+)?|transl(?:iteration)?|font color|color|colou?red|script(?:/.*)?|url"
    r"|highlight|mark"
)
_SIGNS = {
    "!": "|",
    "=": "=",
    "ndash": "–",
    "en dash": "–",
    "mdash": "—",
    "em dash": "—",
    "spaced ndash": " – ",
    "spaced en dash": " – ",
    "snd": " – ",
    "spnd": " – ",
    "nbsp": " ",
    "·": " · ",
    "dot": " · ",
}
_UNSAID = re.compile(
    r"(?:(?:info|nav|side|succession )box|cite|citation|citation needed|ref|refn|reflist|efn|sfn\w*"
    r"|harv\w*|notetag|notelist|rp?|n|cn|anchor|coord|ipa\S*|pron|audio|flagicon|isbn|issn|doi|oclc"
    r"|pmid|short description|hatnote|multiple image|fact|who|when|page needed|dubious|clarify"
    r"|verify|webarchive|portal|authority control|commons\S*|official)\b"
)
_FUNCTIONS = ("formatnum", "lc", "uc", "ucfirst", "lcfirst")
_TITLES = ("pagename", "fullpagename", "subpagename", "basepagename")
_UNITS = {
    "sqmi": "sq mi",
    "sqkm": "km²",
    "km2": "km²",
    "m2": "m²",
    "m3": "m³",
    "ft2": "sq ft",
    "sqft": "sq ft",
    "c": "°C",
    "f": "°F",
    "kph": "km/h",
    "km/h": "km/h",
}
_JOINERS = {
    "-": "–",
    "–": "–",
    "to": " to ",
    "and": " and ",
    "or": " or ",
    "x": " × ",
    "by": " by ",
}
_NUMBER = re.compile(r"[-−+]?[\d.,/ ]*\d")


class Call(NamedTuple):
    """A template as a page calls it; arguments are said when they are asked for.

    ``stands_alone``: nothing else is on its line. ``stands_apart``: a space or a line's beginning
    is before it, as before a word and unlike before a reference.
    """

    name: str
    argument: Callable[[int], str]
    size: int
    named: Mapping[str, Callable[[], str]]
    stands_alone: bool
    stands_apart: bool

    def first(self) -> str:
        """The first argument, by its place or number."""
        return self.argument(0) if self.size else self.named.get("1", str)()


def say_template(call: Call, title: str) -> str:
    """What a template says in the text of a page of this title; "" if nothing."""
    name = call.name.casefold()
    if name in _SIGNS:
        return _SIGNS[name]
    if name in _TITLES:
        return title.rpartition(":")[2] if name == "pagename" else title
    function, colon, value = call.name.partition(":")
    if colon:
        said = value.strip() if "{" not in value and "[" not in value else ""
        return (
            said if function.casefold() in ("formatnum", "lc", "uc", "ucfirst", "lcfirst") else ""
        )
    if name in ("convert", "cvt"):
        return _measure([call.argument(number) for number in range(min(call.size, 5))])
    if name in ("frac", "sfrac", "fraction"):
        parts = [call.argument(number) for number in range(min(call.size, 3))]
        return " ".join([*parts[:-2], "/".join(parts[-2:])])
    if name in ("as of", "circa", "c."):
        is_lower = "lc" in call.named or call.name[0].islower()
        said = "c." if name != "as of" else "as of" if is_lower else "As of"
        return f"{said} {call.first()}".strip()
    if name in ("key", "keypress", "key press", "kbd key"):
        return "+".join(call.argument(number) for number in range(min(call.size, 5)))
    if _FIRST.fullmatch(name):
        unit = call.named.get("u", str)() if name == "val" else ""
        return f"{call.first() or _sentences(call)} {unit}".strip()
    if _LAST.fullmatch(name):
        return call.argument(call.size - 1) if call.size else call.named.get("text", str)()
    if _UNSAID.match(name):
        return ""
    return _sentences(call) or _word(call)


def _sentences(call: Call) -> str:
    """The arguments that are sentences, such as a warning's."""
    found = [call.argument(number) for number in range(min(call.size, 3))]
    found += [call.named[name]() for name in _SENTENCES if name in call.named]
    said = [text for text in found if _is_sentence(text)]
    return ("\n\n" if call.stands_alone else " ").join(dict.fromkeys(said))


def _is_sentence(text: str) -> bool:
    return text.endswith(_ENDS) and len(text.split()) >= _FEWEST_WORDS


def _word(call: Call) -> str:
    """The lone argument of a template that stands in a sentence as a word does."""
    if call.stands_alone or not call.stands_apart or call.size != 1 or call.named:
        return ""
    said = call.argument(0)
    return said if any(letter.isalpha() for letter in said) and "\n" not in said else ""


def _measure(said: list[str]) -> str:
    """A converted measure in the unit it was written in: "5 km", "5 to 10 km"."""
    if not said:
        return ""
    text, at = said[0], 1
    while at + 1 < len(said) and said[at] in _JOINERS and _NUMBER.fullmatch(said[at + 1]):
        text += _JOINERS[said[at]] + said[at + 1]
        at += 2
    unit = said[at] if at < len(said) else ""
    return f"{text} {_UNITS.get(unit.casefold(), unit)}".strip()
