"""One thread, no network, and a cache of the tests' own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

# Before torch or transformers are imported by any test.
os.environ.update(
    OMP_NUM_THREADS="1",
    TOKENIZERS_PARALLELISM="false",
    HF_HUB_OFFLINE="1",
    TRANSFORMERS_OFFLINE="1",
)

_RUNS = {"cli", "pipeline", "stages"}
"""Folders of tests whose subject is a whole run."""


@pytest.fixture(scope="session", autouse=True)
def _one_thread_and_own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    import torch

    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEEP_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module", autouse=True)
def _quarter_of_the_panel(request: pytest.FixtureRequest) -> Iterator[None]:
    """Runs of tiny models are asked every fourth packaged question and read every fourth text.

    There are hundreds of such runs, and what a random model says to the others tells nothing more.
    A module with ``WHOLE_PANEL = True`` has all of it; child processes do too.
    """
    from steep.proof import questions

    if request.path.parent.name not in _RUNS or getattr(request.module, "WHOLE_PANEL", False):
        yield
        return
    packaged = questions._packaged

    def quarter(folder: str, name: str) -> str:
        return "".join(packaged(folder, name).splitlines(keepends=True)[::4])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(questions, "_packaged", quarter)
        yield


@pytest.fixture(autouse=True)
def _users_cache_for_the_real_model(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if request.node.get_closest_marker("real"):
        monkeypatch.delenv("STEEP_CACHE", raising=False)
