import bz2
import gzip
import io
import lzma
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from steep.documents.files import entry as module
from steep.documents.files.entry import Budget, UnreadableError
from steep.documents.files.inflate import COMPRESSED, inflated
from steep.documents.read import collect
from steep.errors import DocumentError

# Random enough not to be a bomb, and longer than one step of inflating.
TEXT = "\n".join(str(pow(7, n, 1_000_003)) for n in range(400_000)).encode()
PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


def inflate(data: bytes, suffix: str = ".gz", budget: int | None = None) -> bytes:
    stream = inflated(io.BytesIO(data), suffix, Budget(len(data) if budget is None else budget))
    return stream.read()


def fault(data: bytes, suffix: str = ".gz") -> str:
    with pytest.raises(UnreadableError) as caught:
        inflate(data, suffix)
    return caught.value.detail


# Broken by: an opener that stops after one member.
@pytest.mark.parametrize("suffix", PACK)
def test_members_are_joined(suffix: str) -> None:
    pack = PACK[suffix]
    assert inflate(pack(TEXT), suffix) == TEXT
    assert inflate(pack(b"one ") + pack("दो".encode()), suffix) == "one दो".encode()
    assert inflate(pack(b""), suffix) == b""


def test_zeros_at_the_end_of_gzip_are_ignored() -> None:
    assert inflate(gzip.compress(b"one") + bytes(512)) == b"one"


def test_zstd() -> None:
    zstandard = pytest.importorskip("zstandard", reason="needs steep[zstd]")
    data = zstandard.ZstdCompressor().compress(TEXT)
    assert inflate(data, ".zst") == TEXT
    assert inflate(data + zstandard.ZstdCompressor().compress(b"more"), ".zst") == TEXT + b"more"
    assert "not a readable zstd file" in fault(b"plain text", ".zst")
    endless = zstandard.ZstdCompressor().compress(bytes(200 * 2**20))
    assert "more than 200 times its size" in fault(endless, ".zst")


# Broken by: EOFError let through (it would look like a parser's fault).
@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("cut", [1, 8, 9, 1000])
def test_a_truncated_file_is_said(cut: int, suffix: str) -> None:
    assert "ends too early" in fault(PACK[suffix](TEXT)[:-cut], suffix)


@pytest.mark.parametrize("suffix", PACK)
def test_what_is_something_else_is_said(suffix: str) -> None:
    assert "not a readable" in fault(b"plain text", suffix)


def test_a_flipped_byte_is_said() -> None:
    data = bytearray(gzip.compress(b"text " * 50 + TEXT[:1000]))
    for place in (-5, -8):  # of the length, of the checksum
        data[place] ^= 1
        assert "not a readable gzip file" in fault(bytes(data))
        data[place] ^= 1


def bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(2**20)
    return b"".join(packer.compress(block) for _ in range(megabytes)) + packer.flush()


# Broken by: spend left out of _Counted.readinto.
def test_a_bomb_is_stopped_on_the_way() -> None:
    data = bomb(200)
    tracemalloc.start()
    found = fault(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "more than 200 times its size" in found
    # 16 MiB are free, then at most 200 times what was given: far from the whole.
    assert peak < 2 * (200 * len(data) + module.FREE_BYTES)
    assert peak < 200 * 2**20
    assert inflate(bomb(10)) == bytes(10 * 2**20)


def test_a_compressed_file_reads_like_the_plain_one(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.md.gz").write_bytes(gzip.compress(b"# Hi\n\nText"))
    (docs / "b.TXT.GZ").write_bytes(gzip.compress("नमस्ते".encode()))
    (docs / "c.csv.xz").write_bytes(lzma.compress(b"text\none\ntwo"))
    (docs / "d.tar.gz").write_bytes(gzip.compress(b"tar"))
    (docs / "e.txt.gz").write_bytes(gzip.compress(b"text")[:-2])
    (docs / "f.txt.gz").write_bytes(gzip.compress(b"a\x00\x01b"))
    (docs / "NOTES.gz").write_bytes(gzip.compress(b"notes"))
    collection = collect(docs)
    assert [(d.source, d.locator, d.title, d.text) for d in collection.documents] == [
        ("docs/NOTES.gz", "", "NOTES", "notes"),
        ("docs/a.md.gz", "", "Hi", "Hi\n\nText"),
        ("docs/b.TXT.GZ", "", "b", "नमस्ते"),
        ("docs/c.csv.xz", "row 1", "c", "one"),
        ("docs/c.csv.xz", "row 2", "c", "two"),
    ]
    assert [(d.source, d.reason) for d in collection.drops] == [
        ("docs/d.tar.gz", "unreadable file"),
        ("docs/e.txt.gz", "unreadable file"),
        ("docs/f.txt.gz", "unreadable encoding"),
    ]
    with pytest.raises(DocumentError, match=r"e\.txt\.gz is a gzip file that ends too early"):
        collect(docs / "e.txt.gz")


def test_every_compression_is_tried_here() -> None:
    assert set(COMPRESSED) == {*PACK, ".zst"}
