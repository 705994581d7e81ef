"""What personal numbers look like. They count only if their check digits are right, or if they
are written as hardly anything else is."""

from __future__ import annotations

import re

from steep.documents.privacy.form import Form
from steep.documents.privacy.phones import PHONE, is_phone


def _has_check_digit(match: re.Match[str]) -> bool:
    """Luhn's sum (ISO/IEC 7812), for card numbers."""
    digits = [int(c) for c in match[0] if c.isdigit()]
    doubled = sum(2 * d - 9 * (d > 4) for d in digits[-2::-2])
    return len(set(digits)) > 1 and (sum(digits[-1::-2]) + doubled) % 10 == 0


def _is_account(match: re.Match[str]) -> bool:
    """The remainder of ISO 13616, for IBANs."""
    plain = re.sub(r"\s", "", match[0])
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


MAIL = Form(
    "e-mail address", ("@",), re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+\b")
)
LONG_NUMBER = re.compile(r"\d(?:[ ()./-]{0,3}\d){6}")
"""What every number of a person holds somewhere; most texts don't."""
_DIGITS = tuple("0123456789")
# What begins with a set of characters is found far faster than what looks behind itself first.
NUMBERS = (
    Form(
        "card number",
        _DIGITS,
        re.compile(r"[3-6](?<![\d.-].)\d{3}(?:[ -]?\d){9,15}(?![\d-]|\.\d)"),
        _has_check_digit,
    ),
    Form(
        "bank account",
        _DIGITS,
        re.compile(r"[A-Z](?<!\w.)[A-Z]\d\d(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"),
        _is_account,
    ),
    Form("phone number", _DIGITS, PHONE, is_phone),
    Form(
        "social security number",
        ("-",),
        re.compile(r"[0-8](?<![\d-].)\d\d-(?!00)\d\d-(?!0000)\d{4}(?![\d-])"),
    ),
)
