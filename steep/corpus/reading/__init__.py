"""The reading that comes with steep: general English prose to rehearse (``general = "reading"``).

48 pieces in many registers, about 19,600 SmolLM2 tokens, written for the project (Apache-2.0). It
shares nothing with the text that judges forgetting (``steep/proof/panel``); a test holds that.
"""

from __future__ import annotations

from importlib.resources import files


def reading_texts() -> tuple[str, ...]:
    """The pieces, title first, in a fixed order."""
    names = sorted(entry.name for entry in files(__name__).iterdir() if entry.name.endswith(".md"))
    texts = (files(__name__).joinpath(name).read_text("utf-8") for name in names)
    return tuple(text.removeprefix("# ").strip() for text in texts)
