"""``steep ask`` as it is typed: one question, a loop over scripted lines, a passage, JSON."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from steep.cli.ask import _read
from steep.cli.main import main
from tests.tiny import save_tiny_model, tiny_model, tiny_tokenizer

Steep = Callable[..., tuple[int, str, str]]
FEW = ["--max-new-tokens", "6", "--temperature", "0"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_model(tmp_path_factory.mktemp("model") / "tiny"))


@pytest.fixture
def steep(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Steep:
    """Run the command with lines on stdin: exit code, stdout, stderr."""

    def run(*arguments: str, lines: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["steep", "ask", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        return code, *capsys.readouterr()

    return run


def test_one_question_as_json_and_as_text_agree(steep: Steep, model: str) -> None:
    code, out, _ = steep(model, "Who?", *FEW, "--json")
    found = json.loads(out)
    assert (code, found["question"], list(found)) == (0, "Who?", ["question", "tuned"])
    code, out, _ = steep(model, "Who?", *FEW)
    assert (code, out) == (0, found["tuned"] + "\n")


# Broken by: an empty line that ends the loop; /new that is asked as a question.
def test_a_loop_over_lines(steep: Steep, model: str) -> None:
    _, alone, _ = steep(model, "Who?", *FEW)
    code, out, err = steep(model, *FEW, lines="Who?\n\nWhere?\n/new\nWho?\n/what\n/quit\nWhy?\n")
    assert code == 0
    assert out.startswith(alone)
    assert out.endswith(alone)
    assert len(out) > len(alone) * 2
    assert "unknown command" in err
    assert steep(model, *FEW, lines="Who?")[1] == alone  # the end of the input is Ctrl-D


def test_the_loop_chats_where_there_is_a_template(steep: Steep, tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    tiny_model("llama", tokenizer).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    folder = str(tmp_path)
    loop = steep(folder, *FEW, lines="Who?\n")[1]
    assert loop == steep(folder, "Who?", *FEW, "--chat")[1]
    assert loop != steep(folder, "Who?", *FEW)[1]
    assert steep(folder, *FEW, "--no-chat", lines="Who?\n")[1] == steep(folder, "Who?", *FEW)[1]


def test_a_passage_as_text_or_file(steep: Steep, model: str, tmp_path: Path) -> None:
    text = "The company was founded in 1987."
    (tmp_path / "passage.txt").write_text(text + "\n", encoding="utf-8")
    one = steep(model, "When?", *FEW, "--passage", text, "--json")[1]
    assert (
        one == steep(model, "When?", *FEW, "--passage", str(tmp_path / "passage.txt"), "--json")[1]
    )
    found = json.loads(one)
    assert found["tuned"] != found["tuned_with_passage"]
    out = steep(model, "When?", *FEW, "--passage", text)[1]
    assert out.startswith("tuned: ")
    assert f"tuned with passage: {found['tuned_with_passage']}" in out


# Broken by: counting characters, of which a name may have 255 bytes' worth.
@pytest.mark.parametrize("text", ["कम्पनी " * 20, "公司成立于一九八七年" * 12, "x" * 300])
def test_a_passage_of_many_bytes_is_no_files_name(text: str) -> None:
    assert _read(text) == text.strip()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--json"], "--json needs the question"),
        (["Who?", "--chat"], "no chat template"),
        (["Who?", "--passage", " "], "no text"),
        (["Who?", "--base"], "--base"),
    ],
)
def test_what_is_wrong_is_one_line(
    steep: Steep, model: str, arguments: list[str], says: str
) -> None:
    code, out, err = steep(model, *arguments)
    assert (code, out) == (2, "")
    assert says in err
    assert len(err.splitlines()) == 1
