"""Which reader reads which file, and what a reader yields.

A reader takes a file's decoded text, or the ``Entry`` itself, and yields pieces (one per document
in the file) and faults (a document that can't be read, and what to do). Readers live in their
own modules and load on first use.
"""

from __future__ import annotations

import functools
import importlib
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any, BinaryIO, Literal, NamedTuple

from steep.documents.files.entry import MAX_WHOLE_BYTES, Budget, Entry, UnreadableError
from steep.documents.files.inflate import COMPRESSED, inflated
from steep.errors import DocumentError


class Piece(NamedTuple):
    """One document of a file, before cleaning.

    ``fields`` are the names and plain values of a record (a row, an object, an XML element),
    ``title_fields`` the names of those that the title says. ``language`` (a BCP 47 tag),
    ``date`` (ISO 8601) and ``licence`` are there where the file says them. ``may_be_wrapped``: a
    margin may have broken its lines. ``flags``: signs of poor text that only the reader knows;
    cleaning adds its own.
    """

    text: str
    title: str | None = None
    locator: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    title_fields: tuple[str, ...] = ()
    language: str | None = None
    date: str | None = None
    licence: str | None = None
    may_be_wrapped: bool = False
    flags: tuple[str, ...] = ()


class Fault(NamedTuple):
    """A document that can't be read.

    ``detail`` says what is wrong and what to do; it continues a sentence that starts with the
    file's name and the locator. ``fatal``: a file that the user named isn't read because of it;
    other faults are always drops.
    """

    reason: str
    detail: str
    locator: str = ""
    fatal: bool = True


class Marks(NamedTuple):
    """What was found in a file's texts and done to them.

    ``privacy``: secrets and personal data by kind; the former are blanked. ``cleaning``: see
    ``steep.documents.cleaning.tally``.
    """

    privacy: dict[str, int]
    cleaning: dict[str, int]


class Reader(NamedTuple):
    """Where a reader is, and what it takes.

    ``declared``: its files may declare their encoding within. ``extra``: the optional extra that
    brings its parser.
    """

    module: str
    function: str
    takes: Literal["text", "entry"] = "text"
    declared: bool = False
    extra: str = ""

    def __call__(self, entry: Entry) -> Iterator[Piece | Fault]:
        """Yield what the entry holds."""
        module = importlib.import_module(f"steep.documents.{self.module}")
        read: Any = getattr(module, self.function)
        found: Iterator[Piece | Fault] = read(
            entry if self.takes == "entry" else entry.text(declared=self.declared)
        )
        yield from found


_PLAIN = Reader("pages.plain", "read_plain", "entry")
_CODE = Reader("pages.plain", "read_code", "entry")
_MARKDOWN = Reader("pages.markup", "read_markdown")
_HTML = Reader("pages.markup", "read_html", declared=True)
_JSONL = Reader("tables.json_files", "read_jsonl_entry", "entry")
_XML = Reader("xml.xml_files", "read_xml_entry", "entry", extra="wiki")
_SQLITE = Reader("tables.data", "read_sqlite", "entry")
_RST = Reader("pages.light", "read_rst")
_SUBTITLES = Reader("pages.subtitles", "read_subtitles")
_WORD = Reader("office.word", "read_docx", "entry")
_SLIDES = Reader("office.presentations", "read_pptx", "entry")
_ASCIIDOC = Reader("pages.light", "read_asciidoc")
_YAML = Reader("tables.openapi", "read_yaml", "entry")
_WORKBOOK = Reader("tables.workbook", "read_workbook", "entry", extra="office")
_OPENDOCUMENT = Reader("office.opendocument", "read_opendocument", "entry")

_CODE_SUFFIXES = tuple(
    f".{name}"
    for name in [
        "py",
        "pyi",
        "js",
        "mjs",
        "cjs",
        "jsx",
        "ts",
        "tsx",
        "java",
        "kt",
        "kts",
        "scala",
        "groovy",
        "c",
        "h",
        "cc",
        "cpp",
        "cxx",
        "hh",
        "hpp",
        "cs",
        "fs",
        "go",
        "rs",
        "swift",
        "m",
        "mm",
        "rb",
        "php",
        "pl",
        "pm",
        "r",
        "jl",
        "lua",
        "sh",
        "bash",
        "ps1",
        "sql",
        "hs",
        "ml",
        "ex",
        "exs",
        "erl",
        "clj",
        "dart",
        "zig",
        "nim",
        "f90",
        "vb",
        "proto",
        "graphql",
        "vue",
        "svelte",
        "el",
    ]
)

READERS: dict[str, Reader] = {
    ".md": _MARKDOWN,
    ".markdown": _MARKDOWN,
    **dict.fromkeys((".mdx", ".rmd", ".qmd", ".mkd", ".mdown"), _MARKDOWN),
    ".html": _HTML,
    ".htm": _HTML,
    ".xhtml": Reader("pages.epub", "read_xhtml", declared=True),
    ".pdf": Reader("office.pdf", "read_pdf", "entry", extra="pdf"),
    **dict.fromkeys((".docx", ".docm", ".dotx", ".dotm"), _WORD),
    **dict.fromkeys((".pptx", ".pptm", ".ppsx", ".ppsm"), _SLIDES),
    ".xlsx": _WORKBOOK,
    ".xlsm": _WORKBOOK,
    ".xlsb": _WORKBOOK,
    ".xls": _WORKBOOK,
    ".ods": _WORKBOOK,
    ".odt": _OPENDOCUMENT,
    ".odp": _OPENDOCUMENT,
    ".epub": Reader("pages.epub", "read_epub", "entry"),
    ".txt": _PLAIN,
    ".text": _PLAIN,
    **dict.fromkeys((".log", ".org", ".textile"), _PLAIN),
    **dict.fromkeys((".ini", ".conf", ".cfg", ".properties"), _PLAIN),
    "": _PLAIN,
    ".rst": _RST,
    ".rest": _RST,
    ".tex": Reader("pages.tex", "read_tex"),
    ".srt": _SUBTITLES,
    ".vtt": _SUBTITLES,
    ".adoc": _ASCIIDOC,
    ".asciidoc": _ASCIIDOC,
    ".ipynb": Reader("pages.light", "read_notebook"),
    ".csv": Reader("tables.csv_files", "read_csv_entry", "entry"),
    ".tsv": Reader("tables.csv_files", "read_tsv_entry", "entry"),
    ".jsonl": _JSONL,
    ".ndjson": _JSONL,
    ".json": Reader("tables.json_files", "read_json_entry", "entry"),
    ".parquet": Reader("tables.data", "read_parquet", "entry", extra="parquet"),
    ".sqlite": _SQLITE,
    ".sqlite3": _SQLITE,
    ".db": _SQLITE,
    ".xml": _XML,
    ".nxml": _XML,
    ".dita": _XML,
    ".rss": _XML,
    ".atom": _XML,
    ".rtf": Reader("office.rtf", "read_rtf", "entry"),
    ".eml": Reader("mail.messages", "read_eml", "entry"),
    ".mbox": Reader("mail.messages", "read_mbox", "entry"),
    ".yaml": _YAML,
    ".yml": _YAML,
    ".zip": Reader("files.archive", "read_zip", "entry"),
    ".tar": Reader("files.archive", "read_tar", "entry"),
    **dict.fromkeys(_CODE_SUFFIXES, _CODE),
}
"""Reader by lower-case suffix; a file without a suffix is plain text."""

_SHORT = {".tgz": ".tar.gz", ".tbz2": ".tar.bz2", ".txz": ".tar.xz", ".tzst": ".tar.zst"}
_SUFFIX = re.compile(r"\.(?!\d+$)[\w+~-]{1,16}")
_NO_READER = {
    ".doc": "is an old Word file; save it as .docx",
    ".ppt": "is an old PowerPoint file; save it as .pptx",
    ".7z": "is a 7z archive; unpack it and name the folder",
    ".rar": "is a rar archive; unpack it and name the folder",
    ".mobi": "is a Kindle book; convert it to .epub",
    ".azw3": "is a Kindle book; convert it to .epub",
    ".msg": "is an Outlook message; save it as .eml",
    ".pst": "is an Outlook mailbox; export it as .mbox",
}


def stem(name: str) -> str:
    """A file's name without the suffix of its kind, nor that of compression."""
    inner = _split(name)[0]
    return inner[: len(inner) - len(_end(inner))]


def suffix(name: str) -> str:
    """The lower-case suffix that tells a file's kind, with that of compression: ``.txt.gz``."""
    inner, compression = _split(name)
    return _end(inner).lower() + compression


def is_supported(name: str) -> bool:
    """True if files of this name can be read."""
    return _kind(name) in READERS


def is_code(name: str) -> bool:
    """True if a file of this name is source code."""
    return READERS.get(_kind(name)) is _CODE


def supported_suffixes() -> str:
    """The suffixes that can be read, for messages."""
    return " ".join(suffix for suffix in READERS if suffix and READERS[suffix] is not _CODE)


def advice() -> str:
    """What can be read, for messages."""
    return (
        f"steep reads {supported_suffixes()}, source code and files without a suffix, also in"
        f" {' '.join(COMPRESSED)}"
    )


def readable(name: str) -> str:
    """A file's name as it may be printed and stored: odd bytes and controls are written out."""
    if name.isprintable():
        return name
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


@functools.lru_cache(maxsize=64)  # asked for every row of a file
def _kind(name: str) -> str:
    """The suffix that tells a file's kind, without that of compression."""
    return _end(_split(name)[0]).lower()


def _end(name: str) -> str:
    """A name's suffix; in "Report 2.3 final" and "app.log.1" the dot begins none."""
    last = PurePath(name).suffix
    return last if _SUFFIX.fullmatch(last) else ""


def _split(name: str) -> tuple[str, str]:
    """A file's name without its suffix of compression, and that suffix or ""."""
    path = PurePath(name)
    last = path.suffix.lower()
    if last in _SHORT:
        return _split(path.stem + _SHORT[last])
    return (path.stem, last) if last in COMPRESSED else (path.name, "")


def open_entry(
    name: str,
    stream: BinaryIO,
    budget: Budget,
    *,
    depth: int = 0,
    max_bytes: int = MAX_WHOLE_BYTES,
    path: str = "",
    options: Mapping[str, str] | None = None,
) -> Entry:
    """An entry of a stream, inflated on the way if its name says so."""
    inner, compression = _split(name)
    if compression and is_supported(inner):
        stream = inflated(stream, compression, budget)
    return Entry(inner, stream, budget, depth, max_bytes, path or name, options or {})


def read_entry(entry: Entry) -> Iterator[Piece | Fault]:
    """Yield the pieces and faults of an entry; its name chooses the reader."""
    kind = _kind(entry.name)
    reader = READERS.get(kind)
    if reader is None:
        unknown = f"has an unsupported format ({kind}); {advice()}"
        yield Fault("unsupported format", _NO_READER.get(kind, unknown))
        return
    try:
        yield from reader(entry)
    except UnreadableError as error:
        yield Fault(error.reason, error.detail, error.locator)
    except DocumentError as error:
        yield Fault("unreadable encoding", str(error))
    except ModuleNotFoundError as error:
        if not reader.extra:
            raise
        detail = f"needs the package {error.name}; run pip install 'steep[{reader.extra}]'"
        yield Fault("missing reader", detail)
    except (MemoryError, RecursionError) as error:
        detail = f"is nested too deeply or too large to parse ({type(error).__name__}); split it"
        yield Fault("unreadable file", detail)


def read_bytes(
    name: str, data: bytes, options: Mapping[str, str] | None = None
) -> Iterator[Piece | Fault]:
    """Yield the pieces and faults of a file's bytes; its name chooses the reader."""
    return read_entry(open_entry(name, io.BytesIO(data), Budget(len(data)), options=options))
