"""A source repository's own rules: what its .gitignore names isn't read, nor what was vendored.

The rules are git's (gitignore(5)): later patterns win, ``!`` takes back, a slash anchors a
pattern to the file's folder, ``**`` means any folders. git itself isn't run: a foreign
repository's settings can make it run programs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_VENDORED = {"node_modules", "vendor", "third_party", "third-party", "bower_components", "venv"}
_VENDORED |= {"__pycache__", "site-packages", "dist", "build", "target", "_build", "Pods"}
_GENERATED = {"package-lock.json", "yarn.lock", "pnpm-lock.yaml", "composer.lock", "Cargo.lock"}
_GENERATED |= {"poetry.lock", "uv.lock", "go.sum", "Pipfile.lock", "Gemfile.lock"}
_MAX_RULES_BYTES = 2**20


@dataclass(frozen=True)
class Rule:
    """One pattern of a .gitignore, for paths below the folder it lies in."""

    folder: Path
    pattern: re.Pattern[str]
    folders_only: bool
    takes_back: bool


@dataclass(frozen=True)
class Repository:
    """The rules that hold in one folder of a repository, the outermost file's first."""

    rules: tuple[Rule, ...] = ()

    @staticmethod
    def around(folder: Path) -> Repository | None:
        """The rules of the repository that a folder lies in or is, without the folder's own."""
        for top in (folder, *folder.parents):
            if (top / ".git").exists():
                rules = Repository()
                inner = folder.relative_to(top).parts
                for depth in range(len(inner)):
                    rules = rules.entering(top.joinpath(*inner[:depth]))
                return rules
        return None

    def entering(self, folder: Path) -> Repository:
        """With the rules of the folder's own .gitignore."""
        path = folder / ".gitignore"
        try:
            if path.is_symlink() or not path.is_file() or path.stat().st_size > _MAX_RULES_BYTES:
                return self
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return self
        found = (_rule(line, folder) for line in text.splitlines())
        return Repository((*self.rules, *(rule for rule in found if rule is not None)))

    def reason(self, path: Path, *, is_folder: bool) -> tuple[str, str] | None:
        """(reason, detail) why a file or folder isn't read, or None."""
        ignored = False
        for rule in self.rules:
            if rule.folders_only and not is_folder:
                continue
            if rule.pattern.fullmatch(path.relative_to(rule.folder).as_posix()):
                ignored = not rule.takes_back
        if ignored:
            return "ignored", "is named in the repository's .gitignore"
        if is_folder and path.name in _VENDORED:
            return "ignored", "holds what others wrote or a program built; name it to read it"
        if not is_folder and (path.name in _GENERATED or ".min." in path.name):
            return "generated", "was written by a program"
        return None


def _rule(line: str, folder: Path) -> Rule | None:
    line = re.sub(r"(?<!\\)\s+$", "", line)
    if not line or line.startswith("#"):
        return None
    takes_back = line.startswith("!")
    line = line[1:] if takes_back or line.startswith("\\") else line
    folders_only = line.endswith("/")
    line = line.rstrip("/")
    anchored = "/" in line
    try:
        pattern = re.compile(("" if anchored else "(?:.*/)?") + _expression(line.lstrip("/")))
    except re.error:
        return None
    return Rule(folder, pattern, folders_only, takes_back)


def _expression(glob: str) -> str:
    """A gitignore pattern as a regular expression for whole relative paths."""
    out = ""
    at = 0
    while at < len(glob):
        if glob.startswith("**/", at):
            out, at = out + "(?:.*/)?", at + 3
        elif glob.startswith("**", at):
            out, at = out + ".*", at + 2
        elif glob[at] == "*":
            out, at = out + "[^/]*", at + 1
        elif glob[at] == "?":
            out, at = out + "[^/]", at + 1
        elif glob[at] == "[" and (end := glob.find("]", at + 2)) > 0:
            inner = glob[at + 1 : end].replace("\\", "\\\\")
            inner = "^" + inner[1:] if inner.startswith("!") else inner
            out, at = f"{out}[{inner}]", end + 1
        else:
            at += glob[at] == "\\" and at + 1 < len(glob)
            out, at = out + re.escape(glob[at]), at + 1
    return out
