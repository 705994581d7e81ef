"""What the user named, as files: one file, a folder and all below it, or a glob pattern."""

from __future__ import annotations

import difflib
import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl

from steep.artifact import is_run, is_search
from steep.documents.files.repository import Repository
from steep.documents.formats import readable
from steep.documents.record import Drop
from steep.errors import DocumentError

OPTIONS = ("text", "title", "split", "header")
RUN_OF_STEEP = "a run of steep's"
"""Why a run's or a search's folder below a named one is a drop."""


@dataclass
class Given:
    """One path the user gave, and what it stands for.

    Attributes:
        name: the path as given.
        kind: "file", "folder" or "pattern".
        files: (path to open, source as the user would name it), sorted by source.
        drops: what was found and can't be a file to read.
    """

    name: str
    kind: str
    files: list[tuple[Path, str]] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)


def find(name: str) -> Given:
    """Find the files a path, a folder or a glob pattern stands for.

    Below folders, hidden files and folders are skipped, and Word's lock files; folders that are
    symbolic links, runs of steep's and its searches aren't entered, and links to files outside the
    folder are dropped. A pattern leaves runs and searches out too, below the folder it begins with.

    Raises:
        DocumentError: the path doesn't exist, or the pattern matches nothing.
    """
    if not name.strip():
        raise DocumentError("a path is empty; name a file, a folder or a pattern")
    path = Path(os.path.abspath(Path(os.path.expanduser(name))))
    try:
        kind = "folder" if path.is_dir() else "file" if path.is_file() else "neither"
        there = os.path.lexists(path)
    except OSError as error:
        raise DocumentError(f"{name[:200]} can't be opened ({error.strerror})") from error
    if kind == "folder":
        given = Given(name, "folder")
        _add_all(given, _walk(path, given, path.parent), path)
    elif kind == "file":
        given = Given(name, "file", [(path, readable(path.name))])
    elif there:
        raise DocumentError(f"{name} is neither a file nor a folder; name one that can be read")
    elif glob.has_magic(name):
        given = _find_pattern(name)
    else:
        raise DocumentError(_missing(name, path))
    given.files.sort(key=lambda file: file[1])
    return given


def split_options(name: str) -> tuple[str, dict[str, str]]:
    """A path without the options behind it (``kb.csv?text=body&title=head``), and those.

    Raises:
        DocumentError: an option is unknown.
    """
    path, mark, query = name.rpartition("?")
    if not mark or "=" not in query or "/" in query or os.path.lexists(name):
        return name, {}
    options = dict(parse_qsl(query))
    for key in options:
        if key not in OPTIONS:
            raise DocumentError(f"{name} has an unknown option {key!r}; use {', '.join(OPTIONS)}")
    return path, options


def _find_pattern(name: str) -> Given:
    pattern = os.path.abspath(os.path.expanduser(name))
    base = Path(pattern)
    while glob.has_magic(str(base)):
        base = base.parent
    given = Given(name, "pattern")
    found: list[Path] = []
    made: dict[Path, bool] = {}
    for match in sorted(glob.glob(pattern, recursive=True)):
        path = Path(match)
        if _was_made(path, base, made, given):
            continue
        if path.is_file() or path.is_symlink():
            found.append(path)
        elif path.is_dir() and "**" not in name:
            found.extend(_walk(path, given, base.parent))
    _add_all(given, found, base)
    if not given.files and not given.drops:
        raise DocumentError(f"{name} matches no file; check the pattern (** means any folders)")
    return given


def _was_made(path: Path, base: Path, made: dict[Path, bool], given: Given) -> bool:
    """Is a match of a pattern, or a folder around it below ``base``, a run or a search?

    Args:
        made: what is known of folders, added to; a run met for the first time is a drop.
    """
    parts = path.relative_to(base).parts
    for folder in (base.joinpath(*parts[:count]) for count in range(1, len(parts) + 1)):
        if folder not in made:
            made[folder] = folder.is_dir() and _is_made(folder)
            if made[folder]:
                given.drops.append(_made_drop(folder, base.parent))
        if made[folder]:
            return True
    return False


def _is_made(folder: Path) -> bool:
    return is_run(folder) or is_search(folder)


def _made_drop(folder: Path, above: Path) -> Drop:
    source = f"{_source(folder, above)}/"
    return Drop(source, "", RUN_OF_STEEP, "what it holds was made from documents")


def _walk(folder: Path, given: Given, above: Path) -> Iterator[Path]:
    """Yield every visible file below a folder, links included; unreadable folders are drops."""

    def unreadable(error: OSError) -> None:
        where = Path(error.filename)
        reason = error.strerror or "can't be opened"
        given.drops.append(Drop(_source(where, above), "", "unreadable file", reason))

    rules: dict[str, Repository] = {}
    for parent, folders, names in os.walk(folder, onerror=unreadable):
        here = rules.get(parent)
        if ".git" in folders or ".git" in names:
            here = Repository()
        elif here is None and parent == str(folder):
            here = Repository.around(folder)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in list(folders):
            place = Path(parent, name)
            if _is_made(place):
                given.drops.append(_made_drop(place, above))
                folders.remove(name)
        if here is not None:
            here = here.entering(Path(parent))
            folders[:] = [n for n in folders if _is_read(here, Path(parent, n), given, above)]
            names = [n for n in names if _is_read(here, Path(parent, n), given, above)]
            rules.update((os.path.join(parent, name), here) for name in folders)
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        for name in sorted([*names, *links]):
            if not name.startswith((".", "~$")):  # the latter are of documents open in Word
                yield Path(parent, name)


def _is_read(rules: Repository, path: Path, given: Given, above: Path) -> bool:
    """False for what a repository's rules leave out; unless hidden, that is a drop."""
    is_folder = path.is_dir() and not path.is_symlink()
    found = rules.reason(path, is_folder=is_folder)
    if found is None:
        return True
    if not path.name.startswith("."):
        source = _source(path, above) + ("/" if is_folder else "")
        given.drops.append(Drop(source, "", *found))
    return False


def _add_all(given: Given, paths: Iterable[Path], folder: Path) -> None:
    """Add files whose real place is inside the folder; anything else found is a drop."""
    root = folder.resolve()
    for path in paths:
        source = _source(path, folder.parent)
        try:
            inside = path.resolve().is_relative_to(root)
            regular = path.is_file()
        except (OSError, RuntimeError):  # a link that leads to itself
            inside, regular = True, False
        if not inside:
            detail = "is a symbolic link that leaves the folder"
        elif path.is_dir():  # a link to a folder inside: read there, under its own name
            continue
        elif not regular:
            detail = "is not a regular file"
        else:
            given.files.append((path, source))
            continue
        given.drops.append(Drop(source, "", "unreadable file", detail))


def _source(path: Path, above: Path) -> str:
    """A path as the user would name it: from the given folder's name on, with slashes."""
    given = path.relative_to(above) if path.is_relative_to(above) else path
    return readable(given.as_posix())


def _missing(name: str, path: Path) -> str:
    """Say that a path doesn't exist, and name what is there under a similar name."""
    while not path.parent.is_dir() and path.parent != path:
        path = path.parent
    try:
        siblings = sorted(entry.name for entry in path.parent.iterdir())
    except OSError:
        siblings = []
    lower = {sibling.lower(): sibling for sibling in siblings}
    close = difflib.get_close_matches(path.name.lower(), lower, n=1, cutoff=0.6)
    if close:
        return f"{name} doesn't exist; did you mean {path.parent / lower[close[0]]}?"
    return f"{name} doesn't exist (looked in {path.parent}); check the path"
