"""The guards around foreign files, each tried with a reader that misbehaves in a real child."""

import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from steep.documents import read
from steep.documents.read import collect
from steep.documents.sandbox import parent
from steep.documents.sandbox.child import Terms
from steep.documents.sandbox.parent import File, read_files

ROOT = Path(read.__file__).parents[2]
# A reader for .evil files that does what they say, put where only the child's import finds it.
EVIL = """
from steep.documents import formats
real = formats.read_entry

def obey(entry):
    if not entry.name.endswith(".evil"):
        yield from real(entry)
        return
    yield formats.Piece("before")
    exec(entry.data().decode())
    yield formats.Piece("after")

formats.read_entry = obey
formats.READERS[".evil"] = formats.READERS[".txt"]
"""


@pytest.fixture
def evil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two good files, around the evil ones to be written."""
    library = tmp_path / "library"
    library.mkdir()
    (library / "sitecustomize.py").write_text(EVIL)
    monkeypatch.syspath_prepend(str(library))
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.txt").write_text("first")
    (docs / "z.txt").write_text("last")
    return docs


def reasons(docs: Path) -> dict[str, str]:
    found = collect(docs)
    assert {"first", "last"} <= {d.text for d in found.documents}
    return {d.source: f"{d.reason}: {d.detail}" for d in found.drops}


# Broken by: not starting a new child after a loss; keeping what a lost file gave ("before").
def test_a_crash_costs_one_file_as_a_whole(evil: Path) -> None:
    (evil / "b.evil").write_text("import os; os.abort()")
    (evil / "c.evil").write_text("import os; os._exit(3)")
    (evil / "d.evil").write_text("raise ValueError")
    found = reasons(evil)
    assert list(found) == ["docs/b.evil", "docs/c.evil", "docs/d.evil"]
    assert found["docs/b.evil"].startswith("broke its reader: ended the process that parsed it")
    assert "code 3" in found["docs/c.evil"]
    assert "can't be parsed (ValueError)" in found["docs/d.evil"]
    texts = [d.text for d in collect(evil).documents]
    assert texts == ["first", "before", "last"]  # d's; what a child was lost at counts for nothing


# Broken by: what is added to Found not checked; a child killed for it counted as out of memory.
@pytest.mark.parametrize(
    "said",
    [
        "x",
        "[]]",
        '[["p"]]',
        '[["q", 1]]',
        '[["end"], ["end"]]',
        '[["m", {}, {"read": 5}], ["end"]]',
    ],
)
def test_nonsense_from_a_child_is_said_to_be_that(evil: Path, said: str) -> None:
    frame = len(said).to_bytes(4, "big") + said.encode()
    (evil / "b.evil").write_text(
        f"import os\nfor fd in range(3, 9):\n try: os.write(fd, {frame!r})\n except OSError: pass"
    )
    assert "write nonsense" in reasons(evil)["docs/b.evil"]


# Broken by: allow_seconds left out (the test never ends); memory left out of Confinement.
def test_limits_of_time_and_memory_hold(evil: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "TERMS", Terms(processor_seconds=1, memory_bytes=2**30))
    (evil / "b.evil").write_text("while True: pass")
    (evil / "c.evil").write_text("bytearray(2**31)")
    found = reasons(evil)
    assert found["docs/b.evil"].startswith("too slow: took over 1 s of processor time")
    assert found["docs/c.evil"].startswith("too large: needs over 1.0 GiB")


# Broken by: _watch not started (the test takes a minute, then finds no drop).
def test_a_child_that_waits_is_ended(evil: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "TERMS", Terms(silent_seconds=3))
    (evil / "b.evil").write_text("import time; time.sleep(60)")
    found = reasons(evil)
    assert found["docs/b.evil"].startswith("too slow: took over 3 s without a document")


# Broken by: "socket." and "subprocess." left out of _REFUSED; the realpath test in _audit_open.
@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.create_connection(('127.0.0.1', {port}))",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
        "open('{secret}').read()",
        "import os; os.open('{secret}', os.O_RDONLY)",
        "open('/etc/passwd').read()",
        "open('{new}', 'w').write('x')",
        "import os; os.remove('{secret}')",
    ],
)
def test_a_reader_may_only_read_its_file(code: str, evil: Path, tmp_path: Path) -> None:
    secret, new = tmp_path / "secret.txt", tmp_path / "new.txt"
    secret.write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        (evil / "b.evil").write_text(code.format(secret=secret, new=new, port=port))
        found = reasons(evil)
        with pytest.raises(TimeoutError):
            server.accept()
    # Python says PermissionError, which is an OSError.
    assert "a document's reader may not" in found["docs/b.evil"]
    assert secret.read_text() == "secret" and not new.exists()


# Broken by: the environment handed on; "/" left out as the current folder.
def test_a_child_knows_nothing_of_ours(evil: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    (evil / "b.evil").write_text(
        "import os; assert 'HF_TOKEN' not in os.environ; assert os.getcwd() == '/'"
    )
    assert reasons(evil) == {}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="namespaces are Linux's")
def test_there_is_no_network_for_libraries_in_c(evil: Path) -> None:
    own = os.stat("/proc/self/ns/net").st_ino
    (evil / "c.evil").write_text(
        f"import os\nif os.stat('/proc/self/ns/net').st_ino == {own}: raise RuntimeError"
    )
    if "docs/c.evil" in reasons(evil):
        pytest.skip("this system lets no process leave the network")


# Broken by: dup2 over 1 and 2 left out of the child's main.
def test_what_libraries_print_is_not_an_answer(evil: Path) -> None:
    (evil / "b.evil").write_text("import os; print('x' * 9); os.write(1, b'y' * 9)")
    assert reasons(evil) == {}


# Broken by: _found not checking; the loss without kill.
def test_a_child_that_lies_costs_its_file(evil: Path) -> None:
    (evil / "b.evil").write_text(
        "import os\nfor n in range(3, 20):\n"
        "    try: os.write(n, b'\\x00\\x00\\x00\\x07[[\"x\"]]')\n    except OSError: pass"
    )
    assert set(reasons(evil)) == {"docs/b.evil"}


# Broken by: results handed out as they come.
def test_many_children_keep_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parent, "_BATCH_FILES", 3)
    monkeypatch.setattr(parent, "_cores", lambda: 3)
    files = []
    for number in range(40):
        path = tmp_path / f"{number:02}.txt"
        path.write_text(f"text {number}" * (1 + 5000 * (number % 3 == 0)))
        files.append(File(str(path), path.name, path.stat().st_size))
    found = list(read_files(files, Terms()))
    assert [next(iter(one)).title for one in found] == [f"{n:02}" for n in range(40)]  # type: ignore[union-attr]


# Broken by: stop() not ending the children.
def test_stopping_half_way_leaves_no_process(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    results = read_files([File(str(tmp_path / "a.txt"), "a.txt", 4)] * 500, Terms())
    next(results)
    results.close()
    mine = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    if mine.exists():
        for child in mine.read_text().split():
            assert (
                b"steep.documents.sandbox.child" not in Path(f"/proc/{child}/cmdline").read_bytes()
            )


def test_a_script_needs_no_main_guard(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
        from steep import read_documents
        print([document.text for document in read_documents("a.txt")])
        """)
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "['hello']\n"


def test_no_python_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("text")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
    with pytest.raises(read.DocumentError, match="no process to read documents could be started"):
        collect(tmp_path)
