"""Small words around numbers, the same wherever steep says how many."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """``number`` of what ``noun`` names one of: "1 document", "2,400 documents"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
