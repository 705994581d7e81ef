import random
import string

import pytest

from steep.documents.privacy import SECRET_KINDS, redact

RNG = random.Random(7)


def chars(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(RNG.choice(alphabet) for _ in range(count))


UPPER = string.ascii_uppercase + string.digits
# Made here, so that no scanner takes this file for a leak.
MADE = [
    ("AWS key", "AKIA" + chars(16, UPPER)),
    ("GitHub token", "ghp_" + chars(36)),
    ("GitLab token", "glpat-" + chars(20)),
    ("Slack token", "xoxb-" + chars(24)),
    ("Google key", "AIza" + chars(35)),
    ("Stripe key", "sk_live_" + chars(24)),
    ("Hugging Face token", "hf_" + chars(34)),
    ("npm token", "npm_" + chars(36)),
    ("API key", "sk-" + chars(40)),
    ("web token", f"eyJ{chars(20)}.eyJ{chars(30)}.{chars(30)}"),
    ("private key", f"-----BEGIN RSA PRIVATE KEY-----\n{chars(60)}\n-----END RSA PRIVATE KEY-----"),
]


# Broken by: any of the forms left out.
@pytest.mark.parametrize(("kind", "secret"), MADE, ids=[kind for kind, _ in MADE])
def test_tokens_are_blanked(kind: str, secret: str) -> None:
    text, found = redact(f"Use {secret} here.")
    assert text == f"Use [redacted {kind}] here." and found == {kind: 1}
    assert redact(text) == (text, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('password = "hunter2Fish9"', 'password = "[redacted password]"'),
        ("API_KEY: q8Zr71LpT0aa", "API_KEY: [redacted password]"),
        ("'secret' => 'a1b2c3d4e5'", "'secret' => '[redacted password]'"),
        ("postgres://me:s3cr3tWord@db/x", "postgres://me:[redacted password in a URL]@db/x"),
    ],
)
def test_passwords_are_blanked(text: str, expected: str) -> None:
    assert redact(text)[0] == expected


@pytest.mark.parametrize(
    "text",
    [
        "The password: must be at least 8 characters.",
        "password = <your-password1>",
        "token: ${TOKEN_1234}",
        "api_key = your_api_key_1",
        "https://user:password@example.org and https://example.org:8080/a@b",
        "The key = 12345678.",
        "sk-learn-contrib-is-a-package-name",
        "a public key: -----BEGIN PUBLIC KEY-----",
        "पासवर्ड: गुप्त1234",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    kept, found = redact(text)
    assert kept == text and not SECRET_KINDS & set(found)


# Broken by: the check digits not looked at.
def test_personal_data_is_counted_and_blanked_on_request() -> None:
    text = (
        "Mail ida@example.org, card 4111 1111 1111 1111 (not 4111 1111 1111 1112), IBAN"
        " DE89 3704 0044 0532 0130 00, phone +44 20 7946 0958, number 078-05-1120."
    )
    kept, found = redact(text)
    assert kept == text
    assert found == {
        "e-mail address": 1,
        "card number": 1,
        "bank account": 1,
        "phone number": 1,
        "social security number": 1,
    }
    assert not SECRET_KINDS & set(found)
    gone, _ = redact(text, personal=True)
    assert "[redacted e-mail address]" in gone and "1112" in gone
    assert not any(
        part in gone for part in ("ida@", "4111 1111 1111 1111 ", "DE89", "7946", "1120")
    )
