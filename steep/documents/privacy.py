"""Secrets and personal data in a text: secrets are blanked, personal data is counted.

What a model is trained on it can repeat. Only forms that are hardly ever anything else are taken
for secrets: tokens that name their issuer, private keys, passwords assigned or in a URL. Numbers
count as personal only if their check digits are right. Nothing found is kept anywhere.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple


class _Form(NamedTuple):
    """What one kind looks like.

    ``within``: pieces of text without one of which there is none (they are looked for first,
    being quick to find); ``group``: what is blanked; ``check``: whether it really is one.
    """

    kind: str
    within: tuple[str, ...]
    pattern: re.Pattern[str]
    group: int = 0
    check: Callable[[str], bool] = bool


def _is_password(value: str) -> bool:
    """Letters and digits in no order a person would write as a word or a placeholder."""
    if re.search(
        r"example|your|placeholder|changeme|x{4}|\*{3}|\.{3}|^[<${%]", value, re.IGNORECASE
    ):
        return False
    mixed = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    counts = Counter(value).values()
    bits = -sum(n / len(value) * math.log2(n / len(value)) for n in counts)
    return mixed and bits > 2.5


def _has_check_digit(number: str) -> bool:
    """Luhn's sum (ISO/IEC 7812), for card numbers."""
    digits = [int(c) for c in number if c.isdigit()]
    doubled = sum(2 * d - 9 * (d > 4) for d in digits[-2::-2])
    return len(set(digits)) > 1 and (sum(digits[-1::-2]) + doubled) % 10 == 0


def _is_account(number: str) -> bool:
    """The remainder of ISO 13616, for IBANs."""
    plain = re.sub(r"\s", "", number)
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


_SECRETS = (
    _Form(
        "private key",
        ("PRIVATE KEY",),
        re.compile(
            r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z ]*-----|\Z)",
            re.DOTALL,
        ),
    ),
    _Form("AWS key", ("AKIA", "ASIA"), re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    _Form(
        "GitHub token",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})"),
    ),
    _Form("GitLab token", ("glpat-",), re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}")),
    _Form("Slack token", ("xox",), re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}")),
    _Form("Google key", ("AIza",), re.compile(r"\bAIza[0-9A-Za-z_-]{35}")),
    _Form("Stripe key", ("k_live_",), re.compile(r"\b[rs]k_live_[0-9A-Za-z]{16,}")),
    _Form("Hugging Face token", ("hf_",), re.compile(r"\bhf_[A-Za-z0-9]{30,}")),
    _Form("npm token", ("npm_",), re.compile(r"\bnpm_[A-Za-z0-9]{36}")),
    _Form("API key", ("sk-",), re.compile(r"\bsk-[A-Za-z0-9_-]{20,}"), check=_is_password),
    _Form("web token", ("eyJ",), re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}")),
    _Form(
        "password in a URL",
        ("://",),
        re.compile(r"[a-z][a-z0-9+.-]*://[^\s:/@]{1,100}:([^\s:/@]{3,100})@(?=[\w.-])"),
        1,
        lambda value: not re.search(r"^[<${%*x.]|pass(?:word)?$|secret$", value, re.IGNORECASE),
    ),
    _Form(
        "password",
        ("assw", "ASSW", "ecret", "ECRET", "oken", "OKEN", "pwd", "PWD", "key", "KEY"),
        re.compile(
            r"(?i:passw(?:or)?d|pwd|secret(?:[_-]?key)?|(?:access|auth)?[_-]?token|api[_-]?key)"
            r"[\"']?\s{0,3}(?:[:=]|=>)\s{0,3}[\"']?([^\s\"'<>,;()]{8,200})"
        ),
        1,
        _is_password,
    ),
)
_DIGITS = tuple("0123456789")
# What begins with a set of characters is found far faster than what looks behind itself first.
_PERSONAL = (
    _Form("e-mail address", ("@",), re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+\b")),
    _Form(
        "card number",
        _DIGITS,
        re.compile(r"[3-6](?<![\d.-].)\d{3}(?:[ -]?\d){9,15}(?![\d-]|\.\d)"),
        check=_has_check_digit,
    ),
    _Form(
        "bank account",
        _DIGITS,
        re.compile(r"[A-Z](?<!\w.)[A-Z]\d\d(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"),
        check=_is_account,
    ),
    _Form(
        "phone number",
        ("+",),
        re.compile(r"(?<![\w+])\+[1-9]\d{0,2}[ .-]?\(?\d(?:[ ().-]{0,2}\d){6,12}\b"),
    ),
    _Form(
        "social security number",
        ("-",),
        re.compile(r"[0-8](?<![\d-].)\d\d-(?!00)\d\d-(?!0000)\d{4}(?![\d-])"),
    ),
)


def redact(text: str, *, personal: bool = False) -> tuple[str, dict[str, int]]:
    """Blank the secrets of a text, and its personal data too if asked.

    Returns the text, and how many there were by kind; personal data is counted either way.
    """
    found: dict[str, int] = {}
    for forms, keep in ((_SECRETS, False), (_PERSONAL, not personal)):
        for form in forms:
            for piece in form.within:
                if piece in text:
                    text = _blank(text, form, found, keep=keep)
                    break
    return text, found


def _blank(text: str, form: _Form, found: dict[str, int], *, keep: bool) -> str:
    def instead(match: re.Match[str]) -> str:
        value = match[form.group]
        if "[redacted " in value or not form.check(value):
            return match[0]
        found[form.kind] = found.get(form.kind, 0) + 1
        if keep:
            return match[0]
        whole, at = match[0], match.start(form.group) - match.start()
        return f"{whole[:at]}[redacted {form.kind}]{whole[at + len(value) :]}"

    return form.pattern.sub(instead, text)


SECRET_KINDS = frozenset(form.kind for form in _SECRETS)
"""Kinds that are always blanked."""
