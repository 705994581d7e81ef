"""Secrets and personal data in a text: secrets are blanked, personal data is counted.

What a model is trained on it can repeat. Only forms that are hardly ever anything else are taken
for secrets: tokens that name their issuer, private keys, passwords assigned or in a URL. Numbers
count as personal only if their check digits are right or they are written as little else is.
Nothing found is kept anywhere.
"""

from __future__ import annotations

from steep.documents.privacy.form import Form
from steep.documents.privacy.personal_forms import LONG_NUMBER, MAIL, NUMBERS
from steep.documents.privacy.secret_forms import SECRETS

SECRET_KINDS = frozenset(form.kind for form in SECRETS)
"""Kinds that are always blanked."""


def redact(text: str, *, personal: bool = False) -> tuple[str, dict[str, int]]:
    """Blank the secrets of a text, and its personal data too if asked.

    Returns the text, and how many there were by kind; personal data is counted either way.
    """
    found: dict[str, int] = {}
    for form in SECRETS:
        if form.may_be_in(text):
            text = _blank(text, form, found, keep=False)
    for form in (MAIL, *NUMBERS) if LONG_NUMBER.search(text) else (MAIL,):
        if form.may_be_in(text):
            text = _blank(text, form, found, keep=not personal)
    return text, found


def _blank(text: str, form: Form, found: dict[str, int], *, keep: bool) -> str:
    spans = form.spans(text)
    if spans:
        found[form.kind] = found.get(form.kind, 0) + len(spans)
    if keep or not spans:
        return text
    parts: list[str] = []
    at = 0
    for start, end in spans:
        parts += [text[at:start], f"[redacted {form.kind}]"]
        at = end
    return "".join([*parts, text[at:]])
