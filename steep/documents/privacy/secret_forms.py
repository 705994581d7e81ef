"""What secrets look like: tokens that name their issuer, private keys, passwords assigned or in
a URL. Only forms that are hardly ever anything else."""

from __future__ import annotations

import re

from steep.documents.privacy.form import Form
from steep.documents.privacy.passwords import (
    ASSIGNED,
    SAID,
    SAID_WORDS,
    is_assigned,
    is_password,
    is_said,
)

# Between the lines of a key, wherever it was pasted: quote marks, escapes, a comment's signs.
_GAP = r"(?:\\[nrt]|[\s\\>|#*\"'`,;:+])*+"
_LINE = r"(?=[A-Za-z+/]*\d)(?=[a-z\d+/]*[A-Z])[A-Za-z0-9+/=]{16,}+"
_HEADER = r"[A-Z][\w-]{1,30}: [^\n\\]{0,200}"
# Without its end (the text was cut off) a key ends with its last whole line, not with the text.
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    rf"{_GAP}(?:{_HEADER}{_GAP}){{0,8}}+{_LINE}"
    rf"(?:[A-Za-z0-9/=\s\\>|#*\"'`,;:+]*+-----END [A-Z ]{{0,60}}-----|(?:{_GAP}{_LINE})*+)"
)


def _is_random(match: re.Match[str]) -> bool:
    return is_password(match[match.lastindex or 0])


def _is_no_placeholder(match: re.Match[str]) -> bool:
    return not re.search(r"^[<${%*x.]|pass(?:word)?$|secret$", match[1], re.IGNORECASE)


SECRETS = (
    Form("private key", ("PRIVATE KEY",), _PRIVATE_KEY),
    Form("AWS key", ("AKIA", "ASIA"), re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    Form(
        "GitHub token",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})"),
        sign="_",
    ),
    Form("GitLab token", ("glpat-",), re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}"), sign="-"),
    Form("Slack token", ("xox",), re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"), sign="-"),
    Form(
        "Google key",
        ("AIza", "GOCSPX-"),
        re.compile(r"\b(?:AIza[0-9A-Za-z_-]{35}|GOCSPX-[0-9A-Za-z_-]{20,})"),
    ),
    Form("Stripe key", ("k_live_",), re.compile(r"\b[rs]k_live_[0-9A-Za-z]{16,}"), sign="_"),
    Form("Hugging Face token", ("hf_",), re.compile(r"\bhf_[A-Za-z0-9]{30,}"), sign="_"),
    Form("npm token", ("npm_",), re.compile(r"\bnpm_[A-Za-z0-9]{36}"), sign="_"),
    Form("PyPI token", ("pypi-",), re.compile(r"\bpypi-[A-Za-z0-9_-]{50,}"), _is_random, sign="-"),
    Form("SendGrid key", ("SG.",), re.compile(r"\bSG\.[\w-]{16,32}\.[\w-]{32,64}"), _is_random),
    Form("DigitalOcean token", ("_v1_",), re.compile(r"\bdo[opr]_v1_[0-9a-f]{40,}"), sign="_"),
    Form("API key", ("sk-",), re.compile(r"\bsk-[A-Za-z0-9_-]{20,}"), _is_random, sign="-"),
    Form(
        "web token",
        ("eyJ",),
        re.compile(r"eyJ(?<![\w-]eyJ)[\w-]{10,}+\.eyJ[\w-]{10,}+\.[\w-]{10,}"),
    ),
    Form(
        "bearer token",
        ("earer ", "uthorization"),
        re.compile(
            r"(?:[Bb]earer|[Aa]uthorization[\"']?\s?[:=]\s?[\"']?"
            r"(?i:basic|token|bearer|apikey))\s{1,3}([A-Za-z0-9._~+/=-]{16,})"
        ),
        _is_random,
    ),
    Form(
        "password in a URL",
        ("://",),
        re.compile(r"[a-z][a-z0-9+.-]{0,30}://[^\s:/@]{1,100}:([^\s:/@]{3,100})@(?=[\w.-])"),
        _is_no_placeholder,
    ),
    Form(
        "Slack webhook",
        ("hooks.slack.com/",),
        re.compile(r"hooks\.slack\.com/(?:services|workflows|triggers)/([\w/-]{20,200})"),
    ),
    Form("Telegram token", (":AA",), re.compile(r"\b\d{8,10}:AA[\w-]{33}(?![\w-])"), sign=":"),
    Form(
        "password",
        ("--pass", "--token", "--secret", "--api", "--db-pass"),
        re.compile(
            r"--(?:[a-z]{1,20}-)?(?:password|passwd|pass|token|secret|api-?key)[ \t]+[\"']?"
            r"([^\s\"'`<>$]{8,200})"
        ),
        _is_random,
        sign="--",
    ),
    Form(
        "password",
        ("DENTIFIED", "dentified"),
        re.compile(
            r"(?i:identified\s{1,9}by(?:\s{1,9}password)?)\s{1,9}['\"]([^'\"\n]{8,200})['\"]"
        ),
        _is_random,
    ),
    Form(
        "password",
        ("</",),
        re.compile(
            r"<(?i:[\w.:-]{0,30}(?:password|passwd|pwd|secret|token|apikey))>([^<>\s]{8,200})</"
        ),
        _is_random,
    ),
    Form(
        "password",
        ("curl ",),
        re.compile(
            r"\bcurl [^\n]{0,200}?(?<=\s)(?:-u|--user)[ =]?[\"']?[\w.@+-]{1,64}:([^\s\"'@:]{4,200})"
        ),
        _is_no_placeholder,
    ),
    Form("password", (":", "=", "："), ASSIGNED, is_assigned),
    Form("password", SAID_WORDS, SAID, is_said),
)
