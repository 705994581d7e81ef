"""What survives is flushed; a file system that can't flush folders is no reason to stop."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from steep import durable


# Broken by: the error of a folder's fsync raised, or a file's swallowed.
@pytest.mark.parametrize("number", [errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.EIO])
def test_only_folders_need_not_be_flushed(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = stat.S_ISDIR

    def fsync(handle: int) -> None:
        if refused(os.fstat(handle).st_mode):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    if number == errno.EIO:
        with pytest.raises(OSError, match=os.strerror(number)):
            durable.write_bytes(tmp_path / "a" / "file", b"x")
        return
    durable.write_bytes(tmp_path / "a" / "file", b"x")
    assert (tmp_path / "a" / "file").read_bytes() == b"x"
    refused = stat.S_ISREG
    with pytest.raises(OSError, match=os.strerror(number)):
        durable.write_bytes(tmp_path / "a" / "file", b"y")
    with pytest.raises(OSError, match=os.strerror(number)):
        durable.flush(tmp_path / "a" / "file")
