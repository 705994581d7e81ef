import io
import os
import tarfile
import zipfile

import pytest

from steep.documents.formats import Fault, Piece, read_bytes


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


def tarred(*members: tuple[tarfile.TarInfo, bytes], mode: str = "w") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:  # type: ignore[call-overload]
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def read(name: str, data: bytes) -> tuple[dict[str, str], dict[str, str]]:
    """(texts, reasons), both by locator."""
    found = list(read_bytes(name, data))
    texts = {one.locator: one.text for one in found if isinstance(one, Piece)}
    return texts, {one.locator: one.reason for one in found if isinstance(one, Fault)}


def test_members_are_read_by_their_own_kind() -> None:
    inner = zipped({"deep/a.md": b"# Hi\n\nDeep"})
    data = {"b.csv": b"text\none\ntwo", "a/n.zip": inner, "p.png": b"", "__MACOSX/._b.csv": b"x"}
    texts, reasons = read("x.zip", zipped(data))
    assert texts == {
        "a/n.zip deep/a.md": "Hi\n\nDeep",
        "b.csv row 1": "one",
        "b.csv row 2": "two",
    }
    assert reasons == {"p.png": "unsupported format"}


@pytest.mark.parametrize(
    ("name", "mode"), [("a.tar", "w"), ("a.tgz", "w:gz"), ("a.tar.xz", "w:xz")]
)
def test_tars(name: str, mode: str) -> None:
    data = tarred((member("d/a.txt"), b"text"), (member("b.md"), b"# B"), mode=mode)
    found = list(read_bytes(name, data))
    assert [(p.locator, p.title, p.text) for p in found if isinstance(p, Piece)] == [
        ("d/a.txt", "a", "text"),
        ("b.md", "B", "B"),
    ]


# Broken by: each of the conditions in _refused.
@pytest.mark.parametrize(
    "name", ["../a.txt", "/etc/a.txt", "d/../../a.txt", "..\\a.txt", "C:\\a.txt"]
)
def test_names_that_leave_the_folder_are_refused(name: str) -> None:
    assert list(read("x.zip", zipped({name: b"x", "good.txt": b"good"}))[1].values()) == [
        "refused member"
    ]
    texts, reasons = read("x.tar", tarred((member(name), b"x"), (member("good.txt"), b"good")))
    assert texts == {"good.txt": "good"} and list(reasons.values()) == ["refused member"]


def test_links_and_devices_are_refused() -> None:
    data = tarred(
        (member("a.txt", tarfile.SYMTYPE, "/etc/passwd"), b""),
        (member("b.txt", tarfile.LNKTYPE, "/etc/passwd"), b""),
        (member("c.txt", tarfile.CHRTYPE), b""),
        (member("d.txt", tarfile.FIFOTYPE), b""),
        (member("good.txt"), b"good"),
    )
    texts, reasons = read("x.tar", data)
    assert texts == {"good.txt": "good"}
    assert reasons == dict.fromkeys(("a.txt", "b.txt", "c.txt", "d.txt"), "refused member")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        info = zipfile.ZipInfo("a.txt")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    assert read("x.zip", packed.getvalue())[1] == {"a.txt": "refused member"}


# Broken by: a budget of their own for nested archives.
def test_nested_bombs_are_counted_together() -> None:
    data = bytes(12 * 2**20)
    for depth in range(2):
        data = zipped({f"{depth}{n}.zip" if depth else f"{n}.txt": data for n in range(4)})
    texts, reasons = read("bomb.zip", data)
    assert not texts and set(reasons.values()) <= {"too large", "unreadable encoding"}
    assert "too large" in reasons.values()


def test_archives_in_archives_end_somewhere() -> None:
    data = zipped({"a.txt": b"deep"})
    for _ in range(5):
        data = zipped({"a.zip": data})
    texts, reasons = read("x.zip", data)
    assert not texts and list(reasons.values()) == ["too large"]


def test_broken_archives_are_said() -> None:
    good = zipped({"a.txt": b"text " * 1000})
    for data in (b"", b"PK\x03\x04", good[:-30], b"text"):
        assert set(read("x.zip", data)[1].values()) == {"unreadable file"}
    broken = bytearray(good)
    broken[60] ^= 0xFF
    assert "unreadable file" in read("x.zip", bytes(broken))[1].values()
    cut = tarred((member("a.txt"), os.urandom(5000)))[:1500]
    assert "unreadable file" in read("x.tar", cut)[1].values()


def test_an_encrypted_member_is_said() -> None:
    data = bytearray(zipped({"a.txt": b"secret", "b.txt": b"open"}, zipfile.ZIP_STORED))
    for signature, flag in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + flag] |= 1
    texts, reasons = read("x.zip", bytes(data))
    assert texts == {"b.txt": "open"} and reasons == {"a.txt": "unreadable file"}
