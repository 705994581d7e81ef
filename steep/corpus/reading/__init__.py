"""The reading that comes with steep: general English to rehearse (``general = "reading"``).

48 pieces of prose, about 19,600 SmolLM2 tokens, and 40 of reference text (encyclopaedia, textbook,
abstract), about 12,300, written for the project (Apache-2.0). They share nothing with the text
that judges forgetting (``steep/proof/panel``); a test holds that.
"""

from __future__ import annotations

from importlib.resources import files


def reading_texts(*, reference: bool = False) -> tuple[str, ...]:
    """The pieces, title first, in a fixed order.

    Args:
        reference: those in the registers of reference too. Only where the model is held to the
            base on them: trained on as text they'd teach it their voice, which is near that of
            the reference texts that judge, and these would see less than is lost elsewhere.
    """
    kinds = ("reading-", "reference-") if reference else ("reading-",)
    names = sorted(entry.name for entry in files(__name__).iterdir() if entry.name.endswith(".md"))
    texts = (files(__name__).joinpath(n).read_text("utf-8") for n in names if n.startswith(kinds))
    return tuple(text.removeprefix("# ").strip() for text in texts)
