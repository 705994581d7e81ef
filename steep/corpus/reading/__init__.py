"""The reading that comes with steep: general English to rehearse (``general = "reading"``).

48 pieces of prose, about 19,500 SmolLM2 tokens, and 304 of many other kinds, about 121,500
(encyclopaedia, textbook, research, news, law, web pages, code, questions and answers, older
literature), written for the project (Apache-2.0). They share nothing with the text that judges
forgetting (``steep/proof/panel``) or chooses the strength; a test holds that.
"""

from __future__ import annotations

from importlib.resources import files


def reading_texts(*, reference: bool = False) -> tuple[str, ...]:
    """The pieces, title first, in a fixed order: the prose before the other kinds.

    Args:
        reference: those of the other kinds too. Only where the model is held to the base on them:
            trained on as text they'd teach it their voice, which is near that of the reference
            texts that judge, and these would see less than is lost elsewhere.
    """
    kinds = ("reading-", "reference-") if reference else ("reading-",)
    names = sorted(entry.name for entry in files(__name__).iterdir() if entry.name.endswith(".md"))
    texts = (files(__name__).joinpath(n).read_text("utf-8") for n in names if n.startswith(kinds))
    return tuple(text.removeprefix("# ").strip() for text in texts)
