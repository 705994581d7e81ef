import base64

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


# Broken by: _QUOTED or _BEFORE_QUOTE unused.
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
