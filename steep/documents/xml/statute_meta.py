"""What a law's file says of the law: its day, language and licence, and what it is filed as."""

from __future__ import annotations

import re
from typing import Any

from steep.documents.xml.safe import local_name

_DAY = re.compile(r"(1\d{3}|20\d\d)-?(\d\d)-?(\d\d)")  # 2999-01-01 and 9999-12-31 say "not known"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_LANGUAGE_CODE = re.compile(r"[a-z]{2,3}(-[a-z\d]+)*")
_THREE_LETTERS = {"eng": "en", "fra": "fr", "fre": "fr", "deu": "de", "ger": "de", "ita": "it"}
_THREE_LETTERS |= {"spa": "es", "por": "pt", "fin": "fi", "swe": "sv", "nld": "nl", "gle": "ga"}
_LONGEST_NAME_CHARACTERS = 120


def date(root: Any) -> str | None:
    """The day of this version, else that of the law."""
    places = [(first(root, f"FRBR{which}"), "FRBRdate", "date") for which in ("Expression", "Work")]
    places.insert(1, (first(root, "meta"), "created", ""))
    places += [(first(root, "BIB.INSTANCE"), "DATE", "ISO")]
    for place, name, attribute in places:
        found = first(place, name)
        said = "" if found is None else found.get(attribute) if attribute else _plain(found)
        if day := _DAY.match(said or ""):
            return "-".join(day.groups())
    return None


def language(root: Any) -> str | None:
    """The language's code, of two letters where it is one of the commoner."""
    said = str(root.get(_LANGUAGE) or "")
    for name, attribute in (("FRBRlanguage", "language"), ("language", ""), ("LG.DOC", "")):
        found = first(root, name)
        if not said and found is not None:
            said = str(found.get(attribute) or "") if attribute else _plain(found)
    code = said.strip().lower().rpartition("/")[2]  # some name it by an address
    return _THREE_LETTERS.get(code, code) if _LANGUAGE_CODE.fullmatch(code) else None


def licence(root: Any) -> str | None:
    """The terms that the file states."""
    meta = first(root, "meta")
    found = next((f for n in ("license", "rights") if (f := first(meta, n)) is not None), None)
    return None if found is None else _plain(found) or None


def filed(root: Any) -> str:
    """What the law is filed as; of a long name its number ("Public Law 115-11: To amend …")."""
    meta = first(root, "meta")
    for element in () if meta is None else meta.iter():
        name, alias = local_name(element), str(element.get("value") or "")
        said = alias if name == "FRBRalias" else _plain(element) if name == "title" else ""
        if said:
            return said if len(said) <= _LONGEST_NAME_CHARACTERS else said.partition(": ")[0]
    return ""


def first(element: Any, name: str) -> Any:
    """The first element of that name inside one, or None; there is none inside None."""
    if element is None:
        return None
    return next((e for e in element.iter() if local_name(e) == name), None)


def _plain(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())
