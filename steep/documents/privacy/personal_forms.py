"""What personal numbers look like. They count only if their check digits are right, or if they
are written as hardly anything else is."""

from __future__ import annotations

import re

from steep.documents.privacy.form import Form
from steep.documents.privacy.phones import PHONE, is_phone

# The first digits that issuers of cards have, with the lengths of their numbers.
_ISSUED = re.compile(
    r"4\d{12}(?:\d{3}(?:\d{3})?)?|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12}"
    r"|6(?:011|4[4-9]\d|5\d\d)\d{12}|62\d{14,17}"
)
_GROUPED_ONLY = 13  # digits: most numbers of this length are of goods


def _is_card(match: re.Match[str]) -> bool:
    """An issuer's number, with the right sum (Luhn's, ISO/IEC 7812)."""
    plain = re.sub(r"\D", "", match[0])
    if not _ISSUED.fullmatch(plain) or (len(plain) == _GROUPED_ONLY and plain == match[0]):
        return False
    digits = list(map(int, plain))
    doubled = sum(2 * d - 9 * (d > 4) for d in digits[-2::-2])
    return len(set(digits)) > 1 and (sum(digits[-1::-2]) + doubled) % 10 == 0


def _is_account(match: re.Match[str]) -> bool:
    """The remainder of ISO 13616, for IBANs."""
    plain = re.sub(r"\s", "", match[0])
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


MAIL = Form(
    "e-mail address",
    ("@",),
    # Its last part begins with a letter: "core@12.3.1" is a version.
    re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})*\.[^\W\d_][\w-]{1,62}\b"),
)
LONG_NUMBER = re.compile(r"\d(?:[ ()./-]{0,3}\d){6}")
"""What every number of a person holds somewhere; most texts don't."""
_DIGITS = tuple("0123456789")
# What begins with a set of characters is found far faster than what looks behind itself first.
NUMBERS = (
    Form(
        "card number",
        _DIGITS,
        re.compile(r"[2-6](?<![\d.-].)\d{3}(?:[ -]?\d){9,15}(?![\d-]|\.\d)"),
        _is_card,
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
