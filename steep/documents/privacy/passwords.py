"""Passwords and keys behind a word that says what they are: ``password: …``, ``API_KEY=…``,
"the password is …".

Much stands behind such words that is no secret: rules for passwords, placeholders, code that
gets the secret elsewhere, and prose. A value must hold letters and digits, in no order a person
would write as a word or a placeholder, and not be an expression.
"""

from __future__ import annotations

import math
import re
from collections import Counter

_LABEL_CHARACTERS = 48
_LABEL = re.compile(
    r"(?:(?P<sure>passw(?:or)?d|passphrase|passcode|pwd|_pass|(?<![a-z])pass(?=$)"
    r"|pass[wv]ort|passord|kennwort|zugangscode|mot[ ]de[ ]passe|contrase[ñn]a|senha"
    r"|пароль|wachtwoord|has[łl]o|heslo|jelsz[óo]|lösenord|adgangskode|salasana|[şs]ifre|parol[aăā]"
    r"|密码|密碼|パスワード|비밀번호|secret[ _-]?access[ _-]?key)"
    r"|(?:api|access|account|client|encryption|private|secret|shared[ _-]?access)[ _-]?key"
    r"|secret[ _-]?key[ _-]?base|secret|token)[\"'`\\*\])]{0,3}\s{0,3}$",
    re.IGNORECASE,
)
# Only the sign is matched, and what stands behind it is looked at: that may hold a sign itself.
ASSIGNED = re.compile(
    r"[:=：](?<=[\w\s\"'`*\])].)(?!:)(?=[=>]{0,2}+\*{0,2}+\s{0,3}+(?=[^\n]{0,60}?\d)(?:"
    r"[bBrRuU]{0,2}(?:\\\"([^\"\n]{8,300}?)\\\"|\"([^\"\n]{8,300})\"|'([^'\n]{8,300})')"
    r"|((?:[^\s\"'`<>,;]|,(?!\s|[\w-]{1,40}[\"']?[:=])){7,199}[^\s\"'`<>,;.:)\]}])))"
)
"""A value of at least eight characters behind a sign of assignment: quoted (in JSON within JSON
too), or bare."""
_BARE_GROUP = 4
SAID = re.compile(
    r"(?:passw(?:or)?d|passphrase|passcode|pass[wv]ort|kennwort"
    r"|mot[ ]de[ ]passe|contrase[ñn]a|senha)"
    r"(?:[ ](?:for|to|of|für|zum|pour|para)[ ][^\n.:;=]{1,40})?[ ](?:is|was|ist|lautet|est|es|é)"
    r"(?:[ ]now|[ ]still)?[ ]"
    r"(?:[\"'`“„«]([^\s\"'`”“»]{8,100})[\"'`”“»]|([^\s\"'`“”„«»<>]{7,99}[^\s\"'`“”„«»<>,;.:)\]}]))",
    re.IGNORECASE,
)
"""A value of at least eight characters that a sentence says is one: quoted, or bare."""
SAID_WORDS = (
    *("assword", "asswd", "assphrase", "asscode", "asswort", "assvort", "ennwort"),
    *("mot de passe", "ontrase", "enha"),
)
"""One of them is in every text that ``SAID`` can match."""
_PLACEHOLDER = re.compile(
    r"example|your|placeholder|changeme|x{4}|\*{3}|\.{3}|^[<${%\[]", re.IGNORECASE
)
_PLACE = re.compile(r"[a-z][a-z0-9+.-]{1,20}://|(?:~|\.{1,2})?/[a-z_.-]+/")
_NAME = r"[^\W\d][\w$]{0,39}"
_PATH = re.compile(rf"{_NAME}(?:(?:\?\.|\.|->|::){_NAME})*+")
_BRACKETS = re.compile(
    r"\((?:[^\n]{0,200}?\)(?!\w)|\s*?$)|\[(?:[^\n]{0,200}?\](?!\w)|\s*?$)", re.MULTILINE
)
_WORD, _NUMBER = re.compile(r"[\w$]+"), re.compile(r"\d+")
_FEW_NUMBERS = 2
_PROSE = re.compile(r"[ \t][^\W\d_]")
_WORD_LIKE = re.compile(r"(?:[^\W\d_]*\d{0,4}[-./_])*[^\W\d_]*\d{0,4}")
# "john.smith99" is written as a path in code is; there the first name says what holds the value.
_DOTTED = re.compile(r"[^\W\d_]{2,}(?:\.[^\W\d_]+){1,3}\d{2,4}")
_HOLDER = re.compile(
    r"self|this|it|app|os|sys|env|process|config|conf|cfg|settings|options|opts|params|args|ctx"
    r"|context|request|req|response|res|result|state|props|module|vars?|local|data|values?|secrets?"
    r"|vault|creds|credentials|account|users?|db|database|client|server|auth|session|form|input"
    r"|body|event|message|row|record|item|node|obj|object|tests?|fixture|faker|random|crypto"
    r"|utils|helpers?|constants|model|entity|payload",
    re.IGNORECASE,
)
_BEHIND_CODE = re.compile(r"[ \t]*(?:,[ \t]*$|,?[ \t]*[;}])", re.MULTILINE)
_MEASURED = re.compile(r"\d{1,4}[^\W\d_]+(?:[-/][^\W\d_]+)*")
_JOINED = re.compile(r"[^\W\d_]+\d{1,4}[^\W\d_]{3,}")
_SENTENCE_ENDS = re.compile(r"[.!?]?(?:\s*$|[)\]]|[.!?,]\s)", re.MULTILINE)


def is_password(value: str) -> bool:
    """Letters and digits in no order a person would write as a word or a placeholder."""
    if _PLACEHOLDER.search(value):
        return False
    mixed = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    counts = Counter(value).values()
    bits = -sum(n / len(value) * math.log2(n / len(value)) for n in counts)
    return mixed and bits > 2.5


def is_assigned(match: re.Match[str]) -> bool:
    """Is what ``ASSIGNED`` matched a secret, by the word before it and by itself?"""
    text, (start, end) = match.string, match.span(match.lastindex or 0)
    label = _LABEL.search(text, max(0, match.start() - _LABEL_CHARACTERS), match.start())
    value = text[start:end]
    if label is None or not is_password(value) or _PLACE.match(value):
        return False
    if match.lastindex != _BARE_GROUP:
        return not _is_sentence(value)
    if label["sure"] is not None and _is_name(text, match.start(), start, end):
        return True
    if _is_expression(text, start, end):
        return False
    if label["sure"] is not None or not _WORD_LIKE.fullmatch(value):
        return True
    # "Token: UniMed2024 is a project name": a password would end the line or the sentence.
    return not (text[start - 1].isspace() and _PROSE.match(text, end))


def is_said(match: re.Match[str]) -> bool:
    """Is what ``SAID`` matched a secret? Bare words with digits are, at a sentence's end."""
    text, (start, end) = match.string, match.span(match.lastindex or 0)
    value = text[start:end]
    if not is_password(value) or _PLACE.match(value) or _MEASURED.fullmatch(value):
        return False
    if match.lastindex == 1 or not (_WORD_LIKE.fullmatch(value) or _JOINED.fullmatch(value)):
        return True
    return not re.search(r"[-/_]", value) and _SENTENCE_ENDS.match(text, end) is not None


def _is_name(text: str, sign: int, start: int, end: int) -> bool:
    """A name with a number ("john.smith99") that is no path of code.

    It stands behind a colon, or ends a line of settings ("PASSWORD=john.smith99").
    """
    if not _DOTTED.fullmatch(text, start, end):
        return False
    if _HOLDER.fullmatch(text, start, text.index(".", start)):
        return False
    if text[sign] == "=":
        return start == sign + 1 and text[end : end + 1] in ("", "\n")
    return not text[sign + 1 : start].strip(" \n*") and _BEHIND_CODE.match(text, end) is None


def _is_expression(text: str, start: int, end: int) -> bool:
    """Code that gets a value elsewhere: ``config.keys[0]``, ``sha256(raw)``, ``tokens[i-1]``."""
    path = _PATH.match(text, start, end)
    if path is None or any(len(_NUMBER.findall(n)) > _FEW_NUMBERS for n in _WORD.findall(path[0])):
        return False
    is_path = path.end() == end and not _WORD.fullmatch(path[0])
    return is_path or _BRACKETS.match(text, path.end()) is not None


def _is_sentence(value: str) -> bool:
    """Words with numbers between them ("at least 8 characters"), not a password with spaces."""
    pieces = value.split()
    if len(pieces) == 1:
        return False
    words = sum(len(piece) > 1 and piece.isalpha() for piece in pieces)
    return words > 1 or not any(map(is_password, pieces))
