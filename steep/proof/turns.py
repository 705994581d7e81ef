"""Where an answer ends: the token that a chat template puts behind each of the assistant's turns.

Many base models have a template whose turns end with a token of its own (``<|im_end|>``), while
their tokenizer and generation_config name another as the end of a text.
"""

from __future__ import annotations

from typing import Any

_SAID = "\ue000"  # a private character: no template says it


def turn_end(tokenizer: Any) -> int | None:
    """The special token that ends an answer in a chat template; None without one."""
    if not getattr(tokenizer, "chat_template", None):
        return None
    from jinja2 import TemplateError

    messages = [{"role": "user", "content": "?"}, {"role": "assistant", "content": _SAID}]
    try:
        text = str(tokenizer.apply_chat_template(messages, tokenize=False))
    except (TemplateError, ValueError, TypeError):
        return None
    _, found, behind = text.rpartition(_SAID)
    ids = tokenizer(behind.strip(), add_special_tokens=False)["input_ids"] if found else []
    return int(ids[0]) if len(ids) and is_special(tokenizer, ids[0]) else None


def is_special(tokenizer: Any, token: int) -> bool:
    """Is a token one that no text is cut into?

    Named ones (begin, end …) and those that the tokenizer's file marks so: not every template's
    tokens have a name.
    """
    added = tokenizer.added_tokens_decoder.get(token)
    return token in tokenizer.all_special_ids or bool(added is not None and added.special)
