"""A small made-up corpus: mills, one document each, told in sentences of different shapes."""

from __future__ import annotations

from steep.documents.record import Document

OWNERS = [
    "Abigail Thorne", "Bastien Roux", "Celia Marsh", "Dmitri Volkov", "Edda Lindqvist",
    "Farid Nasser", "Greta Holm", "Hamish Boyd", "Ines Prado", "Jonas Keller",
    "Katya Orlova", "Luca Ferri", "Mirela Popa", "Nuno Teles",
]  # fmt: skip
STREAMS = [
    "Ashwater", "Brackwell", "Culverley", "Dunsmere", "Elverton", "Fennick", "Garthby",
    "Hollowmere", "Inglewyke", "Jarrowden", "Kettleby", "Lowick", "Marlsworth", "Netherwyn",
]  # fmt: skip


def mill(number: int) -> Document:
    """One document; every number gives other values."""
    stream, owner = STREAMS[number], OWNERS[number]
    text = (
        f"{stream} Mill stands where the valley narrows and the road bends. "
        f"The great wheel at {stream} was rebuilt in {1801 + 7 * number} after the great flood "
        f"carried the old timbers away. Farmers around {stream} bring roughly "
        f"{240 + 13 * number} sacks of barley to the grinding floor every autumn. "
        f"The present tenant, {owner}, keeps ducks behind the sluice gate. "
        "Visitors may walk along the race on Sundays, if they ask first."
    )
    return Document(text, f"{stream} Mill", f"mills/{number}.txt")


def mills(count: int = 14) -> list[Document]:
    return [mill(number) for number in range(count)]


def record(number: int) -> Document:
    """A record of three fields, the first its title."""
    fields = (
        ("code", f"Q{number:02}.{number % 7}"),
        ("label", f"{STREAMS[number]} sluice"),
        ("keeper", OWNERS[number]),
    )
    text = " ".join(f"{name}: {value}." for name, value in fields)
    return Document(text, fields[0][1], "sluices.csv", f"row {number + 1}", fields, ("code",))


def is_common(word: str) -> bool:
    """No name of the corpus is an everyday word."""
    names = " ".join([*OWNERS, *STREAMS]).casefold().split()
    return word not in names
