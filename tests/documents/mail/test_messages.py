import base64

import pytest

from steep.documents.formats import Fault, Piece, read_bytes

HEAD = "From: Ida <ida@example.org>\nTo: Olu <olu@example.org>\nSubject: =?utf-8?q?Caf=C3=A9?=\nDate: Mon, 02 Mar 2026 10:00:00 +0100\n"
PLAIN = f"""{HEAD}Content-Type: text/plain; charset=utf-8

Hello Olu,

the pier is open.

On Sunday, Olu wrote:
> Is it open?
> Olu
"""


def read(name: str, text: str) -> list[Piece | Fault]:
    return list(read_bytes(name, text.encode()))


# Broken by: without_quotes unused.
def test_a_message() -> None:
    (piece,) = read("a.eml", PLAIN)
    assert isinstance(piece, Piece)
    assert piece.text.strip() == "Hello Olu,\n\nthe pier is open."
    assert (piece.title, piece.date) == ("Café", "2026-03-02")
    assert dict(piece.fields)["From"] == "Ida <ida@example.org>"


def test_html_and_attachments() -> None:
    packed = base64.b64encode(b"text\none\ntwo").decode()
    message = f"""{HEAD}MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=X

--X
Content-Type: text/html; charset=utf-8

<p>See <b>below</b>.</p><script>x()</script>
--X
Content-Type: text/csv; name="t.csv"
Content-Disposition: attachment; filename="t.csv"
Content-Transfer-Encoding: base64

{packed}
--X
Content-Type: application/octet-stream
Content-Disposition: attachment; filename="../../x.exe"
Content-Transfer-Encoding: base64

{packed}
--X--
"""
    body, one, two, fault = read("a.eml", message)
    assert isinstance(body, Piece) and body.text == "See below."
    assert isinstance(one, Piece) and (one.text, one.locator) == ("one", "t.csv row 1")
    assert isinstance(two, Piece) and isinstance(fault, Fault)
    assert fault.reason == "unsupported format" and not fault.fatal


# Broken by: any "From " beginning a message; ">From " left quoted.
def test_a_mailbox() -> None:
    box = "".join(
        f"From ida@example.org Mon Mar  2\n{PLAIN.replace('pier', f'pier {n}')}\n" for n in (1, 2)
    )
    box = box.replace("Hello Olu,", "Hello Olu,\nFrom here\n\n>From there")
    found = [p for p in read("a.mbox", box) if isinstance(p, Piece)]
    assert [p.locator for p in found] == ["message 1", "message 2"]
    assert "pier 2" in found[1].text and "\nFrom there" in found[1].text
    (fault,) = read("a.mbox", "hello")
    assert isinstance(fault, Fault) and "not a mailbox" in fault.detail


def parts(*bodies: str, kind: str = "mixed", head: str = HEAD) -> str:
    """A message of parts, each with its own header."""
    inner = "".join(f"--{kind}\n{body}\n" for body in bodies)
    return f"{head}MIME-Version: 1.0\nContent-Type: multipart/{kind}; boundary={kind}\n\n{inner}--{kind}--\n"


# Broken by: the first text part read alone; a part without a name passed over.
def test_all_text_parts_are_read() -> None:
    text = "Content-Type: text/plain\n\n"
    picture = 'Content-Type: image/png\nContent-Disposition: inline; filename="a.png"\n\nx'
    body, named, unnamed = read(
        "a.eml",
        parts(f"{text}Before.", picture, f"{text}After.", "Content-Type: image/png\n\nx"),
    )
    assert isinstance(body, Piece) and body.text.split() == ["Before.", "After."]
    assert isinstance(named, Fault) and named.locator == "a.png"
    assert isinstance(unnamed, Fault) and unnamed.locator == "part 4" and not unnamed.fatal


# Broken by: both alternatives read; a file beside one of them lost.
def test_of_alternatives_one_is_read() -> None:
    plain = "Content-Type: text/plain\n\nThe pier is open."
    html = "Content-Type: text/html\n\n<p>The pier is <b>open</b>.</p>"
    (piece,) = read("a.eml", parts(plain, html, kind="alternative"))
    assert isinstance(piece, Piece) and piece.text.strip() == "The pier is open."
    table = 'Content-Type: text/csv\nContent-Disposition: attachment; filename="t.csv"\n\ntext\none'
    (piece, row) = read("a.eml", parts(plain, parts(html, table, head=""), kind="alternative"))
    assert isinstance(piece, Piece) and piece.text.strip() == "The pier is open."
    assert isinstance(row, Piece) and (row.text, row.locator) == ("one", "t.csv row 1")


# Broken by: _chosen always plain; always the longer.
def test_a_plain_text_that_only_names_the_html_beside_it() -> None:
    stub = "Content-Type: text/plain\n\nSee this in a browser."
    html = f"Content-Type: text/html\n\n<style>{'a{} ' * 99}</style><p>"
    (piece,) = read("a.eml", parts(stub, html + "The pier is open. " * 9, kind="alternative"))
    assert isinstance(piece, Piece) and piece.text.startswith("The pier is open.")
    (piece,) = read("a.eml", parts(stub, html + "See this.", kind="alternative"))
    assert isinstance(piece, Piece) and piece.text.strip() == "See this in a browser."


def test_forwarded_messages_are_documents() -> None:
    inner = "From: Bob <b@x.org>\nSubject: Crane\n\nA new crane."
    packed = base64.b64encode(inner.encode()).decode()
    kind = "Content-Type: message/rfc822\n"
    name = 'Content-Disposition: attachment; filename="old.eml"\n'
    found = read(
        "a.eml",
        parts(
            "Content-Type: text/plain\n\nSee below.",
            f"{kind}\n{inner}",
            f"{kind}{name}\n{inner}",
            f"{kind}Content-Transfer-Encoding: base64\n\n{packed}",
        ),
    )
    assert [(p.locator, p.title, p.text.strip()) for p in found if isinstance(p, Piece)] == [
        ("", "Café", "See below."),
        ("forwarded 1", "Crane", "A new crane."),
        ("old.eml", "Crane", "A new crane."),
        ("forwarded 3", "Crane", "A new crane."),
    ]
    deep = read("a.eml", kind + "\n" + f"{kind}\n" * 20 + inner)
    assert isinstance(deep[-1], Fault) and deep[-1].reason == "too large"


# Broken by: any "From " behind a blank line beginning a message.
def test_a_paragraph_may_begin_like_a_message() -> None:
    head = "From: Ida <i@x.org>\nSubject: Hours\n\n"
    box = (
        f"From i@x.org Mon Mar  2 10:00:00 2026\n{head}Hello.\n\nFrom Monday on we open at 8.\n\n"
        "From May to June\nwe: both.\n\n> You wrote\n>From Monday\n\n>From there\n\n"
        f"From i at x.org  Mon Mar  2 10:00:00 2026\n{head}Two.\n\n"
        f"From - Mon, 2 Mar 2026\n{head}Three.\n\nFrom i@x.org\n{head}Four.\n"
    )
    texts = [p.text.strip() for p in read("a.mbox", box) if isinstance(p, Piece)]
    assert texts[1:] == ["Two.", "Three.", "Four."]
    assert texts[0] == box[box.index("Hello.") : box.index("From i at")].strip().replace(
        ">From there", "From there"
    )


@pytest.mark.parametrize("text", ["Grüße aus Köln, wir freuen uns.", "Größe", "It’s 8 € – each"])
def test_bytes_without_a_charset(text: str) -> None:
    message = f"From: Ida <i@x.org>\nSubject: {text}\n\n{text}\n"
    for encoding in ("cp1252", "utf-8"):
        (piece,) = read_bytes("a.eml", message.encode(encoding))
        assert isinstance(piece, Piece)
        assert (piece.title, piece.text.strip()) == (text, text)


def test_flowed_lines_are_joined() -> None:
    kind = "Content-Type: text/plain; charset=utf-8; format=flowed"
    (piece,) = read("a.eml", f"{HEAD}{kind}\n\nA long \nline.\n From it.\n-- \nIda\n")
    assert isinstance(piece, Piece) and piece.text == "A long line.\nFrom it.\n-- \nIda\n"
    (piece,) = read("a.eml", f"{HEAD}{kind}; delsp=yes\n\nA lo \nng line.\n")
    assert isinstance(piece, Piece) and piece.text == "A long line.\n"


# Broken by: the loop around _message letting a parser's exception through.
def test_a_message_that_breaks_the_parser_is_its_own_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    from steep.documents.mail import messages

    real = messages.without_quotes

    def breaking(text: str, *rest: object, **more: object) -> str:
        if "one" in text:
            raise AttributeError
        return real(text, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(messages, "without_quotes", breaking)
    box = "".join(f"From i@x.org Mon Mar  2\nSubject: x\n\n{n}\n\n" for n in ("one", "two"))
    fault, piece = read("a.mbox", box)
    assert isinstance(fault, Fault) and fault.locator == "message 1" and not fault.fatal
    assert isinstance(piece, Piece) and piece.text.strip() == "two"
