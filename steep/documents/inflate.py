"""gzip, inflated with its size counted on the way: a small file can't fill the memory."""

from __future__ import annotations

import zlib

MAX_INFLATED_BYTES = 2**30
MAX_RATIO = 200
"""Inflated bytes per compressed byte; text and XML stay under 50, a bomb comes near 1,000."""
_FREE_BYTES = 16 * 2**20
"""Up to here the ratio isn't looked at: a small file of equal lines is no harm."""
_STEP_BYTES = 2**20
_SLICE_BYTES = 2**14
_GZIP = 16 + zlib.MAX_WBITS


def inflate(data: bytes) -> bytes | str:
    """Return what a gzip file of one or more members holds, checksums verified.

    What is wrong with it comes back as a ``str`` that continues a sentence which starts with
    the file's name.
    """
    parts: list[bytes] = []
    size = at = 0
    while at < len(data):
        if data[at] == 0 and not data[at:].strip(b"\x00"):
            break  # zeros may fill the last block of a tape
        member = zlib.decompressobj(_GZIP)
        while not member.eof:
            # Short slices: a file of many members must not be copied once for each.
            given = member.unconsumed_tail or data[at : at + _SLICE_BYTES]
            at += 0 if member.unconsumed_tail else len(given)
            try:
                part = member.decompress(given, _STEP_BYTES)
            except zlib.error as error:
                return f"is not a readable gzip file ({error}); fetch or compress it again"
            size += len(part)
            if fault := _too_large(size, len(data)):
                return fault
            parts.append(part)
            if not part and not given and not member.eof:
                return "is a gzip file that ends too early; fetch or compress it again"
        at -= len(member.unused_data)
    if not parts:
        return "is an empty file, not a gzip file; leave it out"
    return b"".join(parts)


def _too_large(size: int, compressed: int) -> str | None:
    """What is wrong with so many inflated bytes, if anything."""
    if size > MAX_INFLATED_BYTES:
        return f"inflates to more than {MAX_INFLATED_BYTES:,} bytes; split the file"
    if size > max(_FREE_BYTES, MAX_RATIO * compressed):
        return (
            f"inflates to more than {MAX_RATIO} times its size, as only a trap for"
            " decompressors does; inflate it yourself if you trust it"
        )
    return None
