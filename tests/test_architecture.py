"""The shape of the code: imports flow one way, importing is cheap, modules stay small."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import steep

ROOT = Path(steep.__file__).parent.parent
BASIS = ["errors", "durable", "artifact", "progress", "wording"]
ORDER = [
    "recipe",
    "documents",
    "corpus",
    "model",
    "training",
    "proof",
    "benchmarks",
    "planning",
    "pipeline",
    "export",
    "report",
    "stages",
    "workflow",
    "cli",
    "__main__",
]
LEVEL = {name: n for n, name in enumerate([*BASIS, *ORDER])}
MAX_LINES = 400
MAX_MODULES = 50


def _modules() -> list[Path]:
    return sorted(ROOT.joinpath("steep").rglob("*.py"))


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _imported(module: str, source: str, *, is_package: bool = False) -> Iterator[str]:
    """Every dotted name of steep's that a module imports, wherever in the file it stands.

    ``from steep import x`` and ``steep.x`` behind ``import steep`` both give "steep.x".
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("steep."))
        elif isinstance(node, ast.ImportFrom):
            package = module.split(".") if is_package else module.split(".")[:-1]
            kept = package[: len(package) + 1 - node.level] if node.level else []
            origin = ".".join([*kept, *([node.module] if node.module else [])])
            if origin == "steep":
                yield from (f"steep.{alias.name}" for alias in node.names)
            elif origin.startswith("steep."):
                yield origin
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "steep":
                yield f"steep.{node.attr}"
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module":
            named = [str(a.value) for a in node.args if isinstance(a, ast.Constant)]
            yield from (name for name in named if name.startswith("steep."))


def _is_allowed(importer: str, imported: str) -> bool:
    """May one part (the name after "steep.") import another?"""
    if imported == "__version__" or importer == imported:
        return True
    if importer == "demo":
        return imported in {"errors", "artifact"}
    if imported == "demo":
        return importer == "cli"
    if importer not in LEVEL or imported not in LEVEL:
        return False  # a new part has to be given its place in ORDER
    return LEVEL[imported] < LEVEL[importer]


def _offences(module: str, source: str, *, is_package: bool = False) -> list[str]:
    part = module.split(".")[1]
    return [
        f"{module} imports {name}"
        for name in _imported(module, source, is_package=is_package)
        if not _is_allowed(part, name.split(".")[1])
    ]


# Broken by: "from steep.training.loop import train_model" inside a function of corpus/shards.py.
def test_imports_flow_one_way() -> None:
    found: list[str] = []
    for path in _modules():
        name = _name(path)
        if name != "steep":
            source = path.read_text(encoding="utf-8")
            found += _offences(name, source, is_package=path.name == "__init__.py")
    assert not found


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("steep.corpus.x", "from steep.model.load import load_model"),
        ("steep.corpus.x", "import steep.model.load as m"),
        ("steep.corpus.x", "from steep import model"),
        ("steep.corpus.x", "from ..model import load"),
        ("steep.corpus.x", "from .. import model"),
        ("steep.corpus.x", "import steep\nsteep.run('r.toml')"),
        ("steep.corpus.x", "def f():\n    from steep.training import loop"),
        ("steep.corpus.x", "if TYPE_CHECKING:\n    from steep.stages.base import Base"),
        ("steep.corpus.x", "importlib.import_module('steep.cli.main')"),
        ("steep.artifact", "from steep.recipe import Recipe"),
        ("steep.artifact", "from steep.progress import Silent"),
        ("steep.proof.x", "from steep.report import write"),
        ("steep.workflow", "from steep.demo import write_demo"),
        ("steep.demo.x", "from steep.recipe import Recipe"),
        ("steep.newpart.x", "from steep.recipe import Recipe"),
    ],
)
def test_the_import_check_sees(module: str, source: str) -> None:
    assert _offences(module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("steep.corpus.x", "from steep.corpus.y import z\nfrom .y import z\nfrom . import y"),
        ("steep.corpus.x", "from steep.errors import SteepError\nimport steepest, numpy"),
        ("steep.artifact", "from steep import __version__"),
        ("steep.stages.x", "import steep\nprint(steep.__version__)"),
        ("steep.cli.x", "from steep.demo import write_demo"),
        ("steep.demo.x", "from steep.errors import SteepError\nfrom steep.demo.y import z"),
    ],
)
def test_the_import_check_lets_pass(module: str, source: str) -> None:
    assert not _offences(module, source)


# Broken by: a name in __all__ that _PUBLIC lacks.
def test_the_public_surface_is_small_and_resolves() -> None:
    assert len(steep.__all__) <= 20
    assert sorted(steep.__all__) == list(steep.__all__)
    for name in steep.__all__:
        assert getattr(steep, name) is not None
        assert name in dir(steep)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = steep.nonsense


def _python(code: str, folder: Path, **variables: str) -> str:
    """Run code in a fresh interpreter whose home and current folder are ``folder``."""
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder),
        "STEEP_CACHE": str(folder),
        **variables,
    }
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# Broken by: "import torch" at the top of steep/cli/main.py.
@pytest.mark.parametrize("module", ["steep", "steep.cli.main"])
def test_importing_loads_nothing_heavy(module: str, tmp_path: Path) -> None:
    heavy = {
        "lm_eval",
        "datasets",
        "torch",
        "transformers",
        "peft",
        "accelerate",
        "numpy",
        "matplotlib",
        "pydantic",
    }
    code = f"import sys, {module}; print(*sorted({heavy!r} & set(sys.modules)))"
    assert _python(code, tmp_path) == ""


@pytest.fixture(scope="module")
def everything_imported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder in which a fresh process imported every module, and what it said.

    It says which public names are modules by then.
    """
    names = [_name(path) for path in _modules() if path.name != "__main__.py"]
    code = f"""
import importlib, inspect, steep
for name in {names!r}: importlib.import_module(name)
print(*[name for name in steep.__all__ if inspect.ismodule(getattr(steep, name))])
"""
    folder = tmp_path_factory.mktemp("home")
    matplotlib = tmp_path_factory.mktemp("matplotlib")  # it keeps a list of fonts
    return folder, _python(code, folder, MPLCONFIGDIR=str(matplotlib))


# Broken by: open("x", "w") at the top of any module.
def test_importing_writes_nothing(everything_imported: tuple[Path, str]) -> None:
    assert list(everything_imported[0].iterdir()) == []


# Broken by: a public function named like one of steep's folders (importing anything below the
# folder puts its module in the function's place).
def test_public_names_outlive_imports(everything_imported: tuple[Path, str]) -> None:
    assert everything_imported[1] == ""


def test_modules_are_short() -> None:
    long = {
        _name(path): lines
        for path in _modules()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MAX_LINES
    }
    assert not long


# Broken by: what stands in the folders of steep/documents/ laid flat in it again.
def test_no_folder_holds_more_modules_than_one_can_find_the_way_in() -> None:
    held = Counter(path.parent.relative_to(ROOT).as_posix() for path in _modules())
    assert not {folder: modules for folder, modules in held.items() if modules > MAX_MODULES}


def test_no_file_names_a_package_registry() -> None:
    """Which index packages come from is the user's setting."""
    registries = ["pypi" + ".org", "python" + "hosted.org", "download." + "pytorch.org"]
    registries += ["conda." + "anaconda.org", "registry." + "npmjs.org", "--index" + "-url"]
    suffixes = {".py", ".toml", ".md", ".yml", ".yaml", ".txt", ".ipynb", ".cfg", ".html", ""}
    folders = ["steep", "tests", "docs", "bench", "recipes", "notebooks", ".github", "examples"]
    files = [p for name in folders for p in ROOT.joinpath(name).rglob("*")]
    files += list(ROOT.iterdir())
    named = [
        f"{path.relative_to(ROOT)}: {registry}"
        for path in files
        if path.is_file() and path.suffix in suffixes
        for registry in registries
        if registry in path.read_text(encoding="utf-8", errors="replace")
    ]
    assert not named
