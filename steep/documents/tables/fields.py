"""What records are made of: names and values, and how they are said.

Which field is the text and which the title is told in ``rows``; CSV and JSON are read in
``csv_files`` and ``json_files``.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan
from typing import Any

from steep.documents.tables.html_values import without_html

TITLE_FIELDS = ("title", "name", "heading", "subject", "id")
TEXT_FIELDS = ("content", "text", "body", "article", "description", "plain_text")
# Latin, then: ellipsis, Chinese and Japanese, Devanagari, Urdu, Arabic.
SENTENCE_ENDS = tuple(".!?\u2026\u3002\uff01\uff1f\u0964\u0965\u06d4\u061f")
LONGEST_FIELD_CHARACTERS = 200
"""A longer value is a text, not a field."""
WITHIN = "within"
"""The field that says what a record is part of, outermost first."""


def say(fields: Mapping[str, str]) -> str:
    """Say fields as sentences: ``Column: value. Column: value.``; empty ones are left out."""
    return " ".join(
        f"{name}: {value}" if value.endswith(SENTENCE_ENDS) else f"{name}: {value}."
        for name, value in fields.items()
        if value
    )


def short_fields(flat: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The fields that have a value and aren't long texts."""
    return tuple(
        (name, value) for name, value in flat.items() if 0 < len(value) <= LONGEST_FIELD_CHARACTERS
    )


def flatten(value: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Flatten nested values: keys are joined by a space, lists of plain values by a comma."""
    flat: dict[str, str] = {}
    for key, inner in value.items():
        name = f"{prefix} {key}".strip()
        if isinstance(inner, Mapping):
            flat.update(flatten(inner, name))
        elif isinstance(inner, list) and any(isinstance(item, Mapping | list) for item in inner):
            flat.update(flatten({str(k): v for k, v in enumerate(inner, start=1)}, name))
        else:
            flat[name] = as_text(inner)
    return flat


def as_text(value: Any, between: str = ", ") -> str:
    """One value as text, without HTML: nothing for null, NaN and bytes; true as in JSON."""
    if isinstance(value, str):
        text = without_html(value).strip("\r\n")
        return text.strip() if between == ", " else text
    if value is None or isinstance(value, bytes) or (isinstance(value, float) and isnan(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        is_block = value.keys() == {"type", "text"}  # of a text written in blocks
        return as_text(value["text"]) if is_block else say(flatten(value))
    if isinstance(value, list):
        return between.join(text for item in value if (text := as_text(item)))
    return str(value)
