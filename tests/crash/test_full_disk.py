"""No room to write, in every stage: nothing earlier is lost, and the same command finishes."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from steep.artifact import file_hash, write_text
from steep.errors import ResourceError, UserInputError
from steep.stages.trouble import explain, told_plainly
from tests.crash.harness import STAGES, Acts, Chain, assert_same, in_child, no_more_room


# Broken by: catching no OSError in told_plainly, or writing to a file's own place.
@pytest.mark.slow
@pytest.mark.parametrize("stage", list(STAGES))
def test_no_room_in_a_stage(stage: str, whole: Chain, tmp_path: Path) -> None:
    chain = Chain(whole.recipe, tmp_path)
    before: dict[str, str] = {}

    def fill() -> None:
        no_more_room()

    ended = chain.go_on(progress=Acts(STAGES[stage], fill))
    assert ended.code == 2, ended.said
    assert ended.said.count("\n") == 0, ended.said
    assert "safe" in ended.said
    assert "run the same command again" in ended.said
    assert not [path for path in chain.run.rglob("*") if path.name.endswith(".tmp")]
    if stage == "export":
        assert chain.newest_step() == 12
        before = {
            name: file_hash(chain.run / name) for name in ("evaluation.json", "scores/tuned.json")
        }
    assert chain.go_on().code in (0, 3)
    for name, digest in before.items():
        assert file_hash(chain.run / name) == digest
    assert_same(chain, whole)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/tmp"), "the disk is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "quota"),
        (OSError(errno.EFBIG, "File too large"), "ulimit"),
        (OSError(errno.EROFS, "Read-only file system", "/x/y"), "/x/y: the file system is read-o"),
        (PermissionError(errno.EACCES, "Permission denied", "/x/y"), "/x/y: permission denied"),
        (RuntimeError("Error: I/O error: No space left on device (os error 28)"), "the disk is fu"),
        (MemoryError(), "out of memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "out of memory"),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
            "out of memory",
        ),
    ],
)
def test_what_the_machine_refuses_is_told_in_one_line(
    error: Exception, says: str, tmp_path: Path
) -> None:
    said = explain(error, tmp_path)
    assert said is not None
    assert says in said
    assert "\n" not in said
    assert str(tmp_path) in said
    try:
        raise ValueError("wrapped") from error
    except ValueError as wrapped:
        assert explain(wrapped, tmp_path) == said


# Broken by: leaving numpy's own error, which doesn't say what the system said.
def test_no_room_for_a_gguf_is_told_and_leaves_the_old_one(tmp_path: Path) -> None:
    from steep.export.gguf.folder import save_gguf
    from tests.tiny import tiny_model, tiny_tokenizer

    tokenizer = tiny_tokenizer()
    model, folder = tiny_model("llama", tokenizer), tmp_path / "gguf"
    save_gguf(model, tokenizer, folder, "m.gguf", "F32")
    before = file_hash(folder / "m.gguf")
    for most_bytes in (2_000, 30_000, 100_000):  # in the tokens, early and late in the weights

        def work(most_bytes: int = most_bytes) -> None:
            no_more_room(most_bytes)
            with told_plainly(tmp_path):
                save_gguf(model, tokenizer, folder, "m.gguf", "F32")

        ended = in_child(work, tmp_path / "log.txt")
        assert ended.code == 2, ended.said
        assert "ulimit" in ended.said
        assert ended.said.count("\n") == 0, ended.said
        assert sorted(p.name for p in tmp_path.iterdir()) == ["gguf", "log.txt"]
        assert file_hash(folder / "m.gguf") == before


def test_a_bug_stays_a_bug(tmp_path: Path) -> None:
    assert explain(ValueError("wrong shape"), tmp_path) is None
    assert explain(FileNotFoundError(errno.ENOENT, "No such file", "x"), tmp_path) is None
    with pytest.raises(ZeroDivisionError), told_plainly(tmp_path):
        raise ZeroDivisionError
    with pytest.raises(UserInputError), told_plainly(tmp_path):
        raise UserInputError("yours")


# Broken by: looking at a renaming's old name, or telling so of any folder.
def test_what_stands_in_the_way_in_the_run_is_told(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "exports.json").mkdir(parents=True)
    (run / "sft").touch()
    folder = pytest.raises(ResourceError, match=r"exports\.json: a folder .* move it away")
    with folder, told_plainly(run):
        write_text(run / "exports.json", "{}")
    file = pytest.raises(ResourceError, match=r"run/sft: a file .* move it away")
    with file, told_plainly(run):
        (run / "sft").mkdir()
    elsewhere = FileExistsError(errno.EEXIST, "File exists", str(tmp_path / "other"))
    assert explain(elsewhere, run) is None


def test_torch_out_of_memory_is_told(tmp_path: Path) -> None:
    import torch

    with pytest.raises(ResourceError, match="out of memory"), told_plainly(tmp_path):
        torch.empty(2**60)


def test_a_cache_that_cannot_be_written_is_no_reason_to_stop(whole: Chain, tmp_path: Path) -> None:
    """Its place is taken by a file: even root can't write there."""
    from steep.artifact import keep_sealed

    (tmp_path / "cache").write_text("in the way")
    keep_sealed(tmp_path / "cache" / "scores" / "x.json", {"a": 1})
    assert os.listdir(tmp_path) == ["cache"]
