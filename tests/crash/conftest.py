"""One run that nobody stopped, for all crash tests of a session."""

from __future__ import annotations

import pytest

from tests.crash.harness import Chain, uninterrupted


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    return uninterrupted(tmp_path_factory.mktemp("crash"))
