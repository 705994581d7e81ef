"""A diagnosis as lines of text."""

from __future__ import annotations

from pathlib import Path

from steep.stages.diagnose import Diagnosis


def diagnosis_lines(found: Diagnosis, written: Path | None) -> list[str]:
    """The verdict, the causes with their numbers, and what to change in the recipe."""
    lines = [found.verdict, ""]
    if not found.causes:
        return [*lines, "Nothing stands out: there is no advice to give."]
    for number, cause in enumerate(found.causes, 1):
        lines.append(f"{number}. {cause.cause.replace('_', ' ')}: {cause.text}")
    changes = {key: value for key, value in found.changes.items() if value is not None}
    lines.append("")
    if changes:
        lines.append("In the recipe: " + ", ".join(f"{k} = {_toml(v)}" for k, v in changes.items()))
    if written is not None:
        lines.append(f"Written: {written}; to try it: steep run {written}")
    elif not changes:
        lines.append("None of this is a matter of the recipe.")
    return lines


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
