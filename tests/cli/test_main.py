"""The command line: exit codes, one clear line for wrong input, one JSON object with --json."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import steep
from steep.cli.main import main
from tests.planning.calibrations import children_in_process
from tests.stages.project import write_project

GOOD = '[data]\ndomain = ["docs/"]\n[train]\nmax_steps = 3\n'


def _steep(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    """Run ``steep ARGUMENTS`` in this process: exit code, stdout, stderr."""
    monkeypatch.setattr(sys, "argv", ["steep", *arguments])
    capsys.readouterr()
    code = 0
    try:
        main()
    except SystemExit as leave:
        code = leave.code if isinstance(leave.code, int) else int(bool(leave.code))
    output = capsys.readouterr()
    return code, output.out, output.err


def _write(folder: Path, recipe: str, documents: dict[str, bytes]) -> Path:
    (folder / "docs").mkdir()
    for name, content in documents.items():
        (folder / "docs" / name).write_bytes(content)
    path = folder / "recipe.toml"
    path.write_text(recipe + '\n[export]\nadapter = "a"\n', encoding="utf-8")
    return path


PLAN_KEYS = {"schema", "key", "documents", "training", "facts", "machine", "predicted", "problem",
             "advice"}  # fmt: skip
PREDICTED_KEYS = {"tokens_per_second", "training_seconds", "seconds", "low", "high",
                  "recorded_peak", "peak", "room", "fits", "times", "memory", "smaller",
                  "calibration_seconds"}  # fmt: skip

TEXT = {"a.txt": b"Acme was founded in 1987."}
CUT = "नमस्ते".encode("utf-16")[:-1] + b"\xff\xfe\x00\xd8" * 3


# Broken by: exit_code = 1 in UserInputError, or a second line on stderr.
@pytest.mark.parametrize(
    ("recipe", "documents", "parts"),
    [
        (GOOD.replace("docs/", "none.txt"), TEXT, ["none.txt", "exist"]),
        (GOOD.replace("docs/", "doc/"), TEXT, ["did you mean", "docs"]),
        (GOOD, {}, ["docs", "no readable"]),
        (GOOD, {"a.png": b"\x89PNG"}, ["docs", "unsupported format"]),
        (GOOD, {"a.txt": b"  \n "}, ["docs", "empty"]),
        (GOOD + "lora_rank = 3\n", TEXT, ["lora_rank", "lora_r"]),
        (GOOD + "epochs = 3\n", TEXT, ["max_steps and epochs"]),
        (GOOD.replace("max_steps = 3", ""), TEXT, ["no budget"]),
        (GOOD + "oops", TEXT, ["not valid TOML"]),
        (GOOD.replace("docs/", "docs/a.txt"), {"a.txt": CUT}, ["a.txt"]),
        (GOOD.replace("docs/", "docs/a.jsonl"), {"a.jsonl": b'{"text": '}, ["a.jsonl", "line 1"]),
        (GOOD + '[evaluate]\nquestions = "q.jsonl"\n', TEXT, ["q.jsonl"]),
    ],
)
@pytest.mark.parametrize("command", ["run", "prepare", "plan"])
def test_wrong_input_is_one_line_and_exit_code_2(
    command: str,
    recipe: str,
    documents: dict[str, bytes],
    parts: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = _write(tmp_path, recipe, documents)
    before = sorted(tmp_path.rglob("*"))
    code, out, err = _steep(monkeypatch, capsys, command, str(path), "--json")
    assert code == 2, err
    assert out == ""
    lines = err.splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("steep: ")
    assert "Traceback" not in err
    for part in parts:
        assert part in lines[0]
    assert sorted(tmp_path.rglob("*")) == before  # no run folder, nothing left


# Broken by: a progress line printed before the input was checked.
def test_without_json_wrong_input_is_one_line_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for recipe in (GOOD.replace("docs/", "none.txt"), GOOD + "lora_rank = 3\n"):
        folder = tmp_path / str(len(recipe))
        folder.mkdir()
        code, out, err = _steep(monkeypatch, capsys, "run", str(_write(folder, recipe, TEXT)))
        assert (code, out) == (2, "")
        assert len(err.splitlines()) == 1, err


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "no-such-recipe.toml"],
        ["run", "recipe.toml", "--set", "train.max_step=3"],
        ["run", "recipe.toml", "--set", "nonsense"],
        ["run", "recipe.toml", "--set", "model=no-such-alias"],
        ["plan", "no-such-recipe.toml"],
        ["plan", "recipe.toml", "--set", "model=no-such-alias"],
        ["doctor", "--model", "no-such-alias"],
        ["ask", "no-such-model", "Why?"],
        ["ask", "smollm2-135m", "--json"],
        ["demo", "--recipe", "no-such-recipe.toml", "--out", "demo"],
        ["init", "docs"],
        ["init", "no-such-folder", "-o", "new.toml"],
        ["init", "docs", "-o", "new.toml", "--model", "no-such-alias"],
    ],
)
def test_wrong_arguments_are_exit_code_2(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    _write(tmp_path, GOOD, TEXT)
    before = sorted(tmp_path.rglob("*"))
    code, out, err = _steep(monkeypatch, capsys, *arguments)
    assert (code, out) == (2, ""), err
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("steep: ")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["init"], ["init", "a", "--minutes", "0"], ["run"], ["run", "a", "--nonsense"]],
)
def test_misused_commands_are_exit_code_2(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = _steep(monkeypatch, capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("steep: ") and err.endswith(" --help)\n") and err.count("\n") == 1


def test_help_and_version(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = _steep(monkeypatch, capsys, "--version")
    assert (code, steep.__version__ in out) == (0, True)
    code, out, _ = _steep(monkeypatch, capsys, "--help")
    assert code == 0
    for command in ("run", "demo", "prepare", "train", "evaluate", "export", "report", "ask",
                    "plan", "doctor"):  # fmt: skip
        assert command in out


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("project"), data={"general_share": 0.0})


# Broken by: print() anywhere on the way, or sys.exit(0) for a model not to ship.
def test_a_run_with_json_prints_one_object(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = _steep(monkeypatch, capsys, "run", str(project), "--json")
    found: dict[str, Any] = json.loads(out)
    assert out.count("\n") == 1
    assert code == (0 if found["ship"] else 3)
    assert found["folder"] == str(project.parent / "run")
    written = json.loads((project.parent / "run" / "evaluation.json").read_text())
    assert {k: v for k, v in found.items() if k != "folder"} == written

    code, out, err = _steep(monkeypatch, capsys, "evaluate", str(project))
    assert code == (0 if found["ship"] else 3)
    assert found["verdict"] in out
    assert "95% interval" in out
    assert "to train" in err
    assert "to train" not in out

    for command in ("prepare", "train", "export", "report"):
        code, out, _ = _steep(monkeypatch, capsys, command, str(project), "--json")
        assert code == 0
        assert json.loads(out)["stage"] == command
        assert out.count("\n") == 1


# Broken by: making the run folder for a plan, or exit code 3 for advice against it.
def test_a_plan_is_one_json_object_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    children_in_process(monkeypatch)
    recipe = write_project(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    code, out, _ = _steep(monkeypatch, capsys, "plan", str(recipe), "--json")
    found: dict[str, Any] = json.loads(out)
    assert (code, out.count("\n")) == (0, 1)
    assert found.keys() == PLAN_KEYS
    assert found["training"]["steps"] == 3
    assert found["documents"] == {"found": 10, "trained": 7, "held_out": 1, "dropped": 2}
    assert found["problem"] is None
    assert found["predicted"].keys() == PREDICTED_KEYS
    assert found["predicted"]["fits"] is True
    assert "train" in {row["name"] for row in found["predicted"]["times"]}
    assert {row["about"] for row in found["advice"]} >= {"little text", "exposures"}
    code, out, err = _steep(monkeypatch, capsys, "plan", str(recipe), "--quick")
    assert code == 0
    for part in ("documents", "tokens/s", "in all", "fits", "Advice", "train.max_steps"):
        assert part in out
    assert "Measuring" in err
    assert "Measuring" not in out
    assert sorted(tmp_path.rglob("*")) == before


def test_init_is_one_json_object_and_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    children_in_process(monkeypatch)
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = {*tmp_path.rglob("*")}
    code, out, _ = _steep(
        monkeypatch, capsys, "init", "docs", "-o", "new.toml", "--model", "base", "--json"
    )
    found: dict[str, Any] = json.loads(out)
    assert (code, found["recipe"], found["plan"].keys()) == (0, "new.toml", PLAN_KEYS)
    assert {*tmp_path.rglob("*")} - before == {tmp_path / "new.toml"}
    code, out, _ = _steep(monkeypatch, capsys, "prepare", "new.toml", "--json")
    assert code == 0


# Broken by: letting a failed measurement end the command.
def test_a_plan_without_a_prediction_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("steep.planning.process.Child.ask", lambda *_: "nonsense")
    recipe = str(write_project(tmp_path))
    code, out, _ = _steep(
        monkeypatch, capsys, "plan", recipe, "--quick", "--set", "train.threads=2"
    )
    assert code == 0
    assert "no answer" in out
    changed = ["--set", "train.method=lora", "--set", 'train.target_modules=["query"]']
    monkeypatch.undo()
    code, out, err = _steep(monkeypatch, capsys, "plan", recipe, "--quick", "--json", *changed)
    assert (code, out) == (2, "")
    assert "'query'" in err
    assert len(err.splitlines()) == 1


# Broken by: a name of the diagnosis that JSON can't hold.
def test_the_doctor_speaks_json_and_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    children_in_process(monkeypatch)
    model = str(write_project(tmp_path).parent / "base")
    code, out, _ = _steep(monkeypatch, capsys, "doctor", "--model", model, "--json")
    found = json.loads(out)
    assert (code, out.count("\n")) == (0, 1)
    assert found["versions"]["torch"]
    assert [row["method"] for row in found["trains"]] == ["lora", "full"]
    assert [row["problem"] for row in found["trains"]] == [None, None]
    assert all(row["tokens_per_second"] > 0 for row in found["trains"])
    assert found["memory"]["available"] > 0
    assert set(found["gflops"]) == {"fp32", "bf16"}
    code, out, _ = _steep(monkeypatch, capsys, "doctor", "--model", model)
    assert code == 0
    for part in ("cores usable", "GFLOP/s", "available", "precision", "largest"):
        assert part in out


# Broken by: not asking check_versions first.
def test_a_machine_that_cannot_run_steep_is_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _: "1.0")
    code, out, err = _steep(monkeypatch, capsys, "doctor", "--json")
    assert (code, out) == (2, "")
    assert "1.0" in err


def test_another_recipe_in_the_folder_is_exit_code_2(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _steep(monkeypatch, capsys, "prepare", str(project))
    changed = ["prepare", str(project), "--set", "seed=5", "--json"]
    code, out, err = _steep(monkeypatch, capsys, *changed)
    assert (code, out) == (2, "")
    assert "seed: 0 -> 5" in err
    assert len(err.splitlines()) == 1


def test_asking_a_run_answers(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = project.parent / "run"
    if not (run / "exports.json").is_file():
        _steep(monkeypatch, capsys, "export", str(project), "--json")
    arguments = ["ask", str(run), "Who started Acme?", "--max-new-tokens", "4", "--json"]
    code, out, err = _steep(monkeypatch, capsys, *arguments)
    assert code == 0, err
    found = json.loads(out)
    assert found["question"] == "Who started Acme?"
    assert isinstance(found["tuned"], str)
    assert "base" not in found


# Broken by: an exit code of 1 for a signal.
def test_an_interrupted_command_leaves_with_143(tmp_path: Path) -> None:
    """In a process of its own; the signal comes as soon as the first step is logged."""
    project = write_project(
        tmp_path, data={"general_share": 0.0}, train={"max_steps": 3000, "save_steps": 3000}
    )
    environment = os.environ | {"PYTHONPATH": str(Path(steep.__file__).parent.parent)}
    process = subprocess.Popen(
        [sys.executable, "-m", "steep", "train", str(project)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    metrics = tmp_path / "run" / "metrics.jsonl"
    while process.poll() is None and not (metrics.is_file() and metrics.stat().st_size):
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
    process.terminate()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    assert "state saved" in err
    assert "Traceback" not in err
    checkpoints = list((tmp_path / "run" / "checkpoints").iterdir())
    assert any(checkpoint.name != "step-0" for checkpoint in checkpoints)
    assert all((checkpoint / "manifest.json").is_file() for checkpoint in checkpoints)
