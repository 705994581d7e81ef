"""Temporary files that documents wait in, and what is said when there is no room for them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from steep.errors import ResourceError


@contextmanager
def told_if_full() -> Iterator[None]:
    """Say in one line that a temporary file can't be made or written.

    Raises:
        ResourceError: the disk is full, or no folder for temporary files can be written to.
    """
    try:
        yield
    except OSError as error:
        where = tempfile.tempdir or "the folder for temporary files"
        raise ResourceError(
            f"{where}: {error.strerror or error}; documents wait there while they are read: free "
            "some space, or name another folder in TMPDIR"
        ) from error
