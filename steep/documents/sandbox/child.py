"""The process that parses: ``python -m steep.documents.sandbox.child MEMORY_BYTES REDACT``.

It reads requests from stdin and writes what it found to stdout, both as frames: four bytes of
length, most significant first, then JSON. A request is a batch of files and ``Terms``; the
answer is frames of events, each a list that begins with its kind:

- ``["p", …]`` a cleaned piece, ``["f", …]`` a fault, ``["m", …]`` marks (their fields in order);
- ``["end"]`` the file is done.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Literal

from steep.documents import formats
from steep.documents.cleaning.clean import clean_text, clean_title, release, with_plain_breaks
from steep.documents.cleaning.language import language_of
from steep.documents.cleaning.signs import signs_of
from steep.documents.cleaning.tally import LINES_JOINED, READ, WORDS_MENDED, Tally
from steep.documents.cleaning.unwrap import unwrap
from steep.documents.dates import day_in, known_date
from steep.documents.files.entry import MAX_WHOLE_BYTES, Budget
from steep.documents.formats import Fault, Marks, Piece
from steep.documents.privacy.identifiers import load_finders, redact_identifiers
from steep.documents.privacy.redaction import redact
from steep.documents.sandbox.confine import Confinement, allow_seconds

MAX_TEXT_CHARACTERS = 50_000_000
_KINDS: dict[type, str] = {Piece: "p", Fault: "f", Marks: "m"}
_FLUSH_CHARACTERS = 2**18
OUT_OF_MEMORY = 77
"""The exit code of a child that ran out of memory and can't be relied on any more."""


Redact = Literal["nothing", "secrets", "personal", "presidio"]


@dataclass(frozen=True)
class Terms:
    """What one file may take, and what is done to its texts.

    Attributes:
        file_bytes: of a file that has to be held at once.
        text_characters: of one document.
        output_characters: of all of a file's documents together.
        processor_seconds: between two documents' coming out.
        silent_seconds: on the clock, between the same.
        memory_bytes: of the process's address space.
        redact: what is blanked: secrets, personal data too, identifiers of many countries too
            (by Presidio), or nothing.
        clean: False to see the texts as their readers give them.
    """

    file_bytes: int = MAX_WHOLE_BYTES
    text_characters: int = MAX_TEXT_CHARACTERS
    output_characters: int = 2**31
    processor_seconds: int = 60
    silent_seconds: int = 600
    memory_bytes: int = 4 * 2**30
    redact: Redact = "secrets"
    clean: bool = True


def main() -> None:
    """Answer requests until stdin ends."""
    answers = os.fdopen(os.dup(1), "wb")
    quiet = os.open(os.devnull, os.O_RDWR)
    # Whatever a library prints goes nowhere.
    os.dup2(quiet, 1)
    if sys.argv[2] == "presidio":  # its libraries open more than a confined process may
        load_finders()
    confinement = Confinement(int(sys.argv[1]))
    write_frame(answers, ["ready"])
    os.dup2(quiet, 2)
    while (request := read_frame(sys.stdin.buffer)) is not None:
        terms = Terms(**request["terms"])
        for path, source, options in request["files"]:
            confinement.allow(path)
            allow_seconds(terms.processor_seconds)
            pieces = read_path(path, source, options, terms, partial(_went_on, answers, terms))
            _answer(pieces, terms, answers)


def _went_on(answers: BinaryIO, terms: Terms) -> None:
    """A long document isn't done yet, but a part of it: nothing to tell, and time for the next."""
    write_frame(answers, [])
    allow_seconds(terms.processor_seconds)


def _answer(pieces: Iterator[Piece | Fault | Marks], terms: Terms, answers: BinaryIO) -> None:
    """Write what one file holds."""
    events: list[Any] = []
    waiting = 0
    for found in pieces:
        events.append([_KINDS[type(found)], *found])
        waiting += len(found.text) if isinstance(found, Piece) else 0
        if waiting > _FLUSH_CHARACTERS or len(events) > 1000:
            write_frame(answers, events)
            allow_seconds(terms.processor_seconds)
            events, waiting = [], 0
    write_frame(answers, [*events, ["end"]])


def read_path(
    path: str,
    source: str,
    options: dict[str, str],
    terms: Terms,
    went_on: Callable[[], None],
) -> Iterator[Piece | Fault | Marks]:
    """Yield the cleaned pieces of a file, and what was marked in them.

    Whatever its reader raises becomes a fault. ``source`` is the file as the user would name it;
    its end tells the kind. ``went_on`` is called while one document takes long.
    """
    name = PurePosixPath(source).name
    tally = Tally()
    empty = True
    try:
        if not formats.is_supported(name):
            # Not opened: what it holds doesn't matter.
            yield from formats.read_bytes(name, b"")
            return
        with open(path, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            entry = formats.open_entry(
                name,
                stream,
                Budget(size, went_on=went_on),
                max_bytes=terms.file_bytes,
                path=source,
                options=options,
            )
            for found in formats.read_entry(entry):
                empty = False
                if isinstance(found, Piece):
                    yield clean_piece(found, name, terms, tally)
                else:
                    yield found
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except OSError as error:
        said = error.strerror or str(error)
        yield Fault("unreadable file", f"can't be opened ({said}); check its permissions")
    except Exception as error:  # a parser broke on a bad file: that file's loss alone
        detail = f"can't be parsed ({type(error).__name__}); convert it or leave it out"
        yield Fault("unreadable file", detail)
    else:
        if empty:  # else the file would be in no book
            yield Fault("empty", "holds no document; leave it out")
    if tally.cleaning:
        yield Marks(dict(tally.privacy), dict(tally.cleaning))


def clean_piece(piece: Piece, name: str, terms: Terms, tally: Tally) -> Piece | Fault:
    """A piece cleaned, titled after its file if it has no title, or why nothing is left.

    A file that is one document without a date has that of its name.
    What is found that is secret or personal, and what cleaning takes out, is counted in ``tally``.
    """
    tally.cleaning[READ] += len(piece.text)
    if not terms.clean:
        return piece._replace(text=release(piece.text))
    if len(piece.text) > terms.text_characters:
        tally.took("left out", piece.text, "")
        limit = f"{len(piece.text):,} characters, more than {terms.text_characters:,}"
        return Fault("too large", limit, piece.locator, fatal=False)
    text = _without_wraps(piece, tally)
    cleaned = clean_text(text)
    if not cleaned:
        tally.took("left out", text, "")
        return Fault("empty", "no text after cleaning", piece.locator, fatal=False)
    fields = tuple(
        (key, value)
        for key, value in ((clean_title(k), clean_title(v)) for k, v in piece.fields)
        if key and value
    )
    title = clean_title(piece.title or "") or clean_title(formats.readable(formats.stem(name)))
    text = tally.took("repair", text, cleaned)
    if terms.redact != "nothing":
        text, found = _redacted(cleaned, terms.redact)
        tally.took("redaction", cleaned, text)
        tally.privacy.update(found)
        title = _redacted(title, terms.redact)[0]
        blanked = [(key, *_redacted_value(key, value, terms.redact)) for key, value in fields]
        fields = tuple((key, value) for key, value, _ in blanked)
        of_fields = sum((Counter(held) for _, _, held in blanked), Counter[str]())
        tally.privacy.update(of_fields - Counter(found))  # those that the text doesn't say too
    names = set(map(clean_title, piece.title_fields))
    is_code = formats.is_code(name)
    return piece._replace(
        text=text,
        language=piece.language or (None if is_code else language_of(text)),
        flags=(*signs_of(text, is_record=bool(fields), is_code=is_code), *piece.flags),
        title=title,
        fields=fields,
        date=known_date(piece.date) or (None if piece.locator else day_in(formats.stem(name))),
        title_fields=tuple(key for key, _ in fields if key in names),
    )


def _redacted(text: str, what: Redact) -> tuple[str, Mapping[str, int]]:
    """A text without what is to be blanked, and how much there was by kind."""
    text, found = redact(text, personal=what != "secrets")
    if what == "presidio":
        text, more = redact_identifiers(text)
        return text, Counter(found) + more
    return text, found


def _redacted_value(key: str, value: str, what: Redact) -> tuple[str, Mapping[str, int]]:
    """A field's value, read behind its name: some are told only by what is said to stand there."""
    said = f"{key}: "
    whole, found = _redacted(said + value, what)
    return (whole.removeprefix(said), found) if whole.startswith(said) else _redacted(value, what)


def _without_wraps(piece: Piece, tally: Tally) -> str:
    if not piece.may_be_wrapped:
        return piece.text
    lines = with_plain_breaks(piece.text)
    found = unwrap(lines)
    tally.took("line breaks", piece.text, found.text)
    tally.cleaning[LINES_JOINED] += found.lines_joined
    tally.cleaning[WORDS_MENDED] += found.words_mended
    return found.text


def write_frame(stream: BinaryIO, value: Any) -> None:
    """Write one value and see it off."""
    write_body(stream, json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def write_body(stream: BinaryIO, body: bytes) -> None:
    """Write a value that ``read_body`` gave."""
    stream.write(struct.pack(">I", len(body)) + body)
    stream.flush()


def read_frame(stream: BinaryIO) -> Any:
    """The next value, or None at the end.

    Raises:
        ValueError: the other side doesn't write frames.
    """
    body = read_body(stream)
    return None if body is None else parse_body(body)


def read_body(stream: BinaryIO) -> bytes | None:
    """The next value as it was written, or None at the end."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    size = struct.unpack(">I", head)[0]
    body = stream.read(size)
    return None if len(body) < size else body


def parse_body(body: bytes) -> Any:
    """The value of a frame.

    Raises:
        ValueError: it holds none.
    """
    return json.loads(body.decode("utf-8", "surrogatepass"))


if __name__ == "__main__":
    main()
