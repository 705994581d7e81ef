"""Small words around numbers, the same wherever steep says how many."""

from __future__ import annotations


def counted(number: float, noun: str, nouns: str | None = None) -> str:
    """``number`` of what ``noun`` names one of: "1 document", "2,400 documents", "1.5 times".

    Args:
        nouns: what more than one are called, where an s isn't enough.
    """
    said = f"{number:,.0f}" if number == int(number) else f"{number:,g}"
    return f"{said} {noun}" if number == 1 else f"{said} {nouns or noun + 's'}"
