"""Write a world down as a company share: many authors, formats and folders.

Every company gets a portrait, a knowledge-base row and a clipping of its own, and a place in two
documents about several companies; each of these states its five facts once, in the author's words.
Two registers repeat each fact once more in a line.
"""

from __future__ import annotations

import csv
import io
import json
import random
from pathlib import Path

from steep.demo.layout import Article, Section, markdown, page, paragraphs, plain, slug
from steep.demo.scribe import Scribe
from steep.demo.voices import ARCHIVIST, AUDITOR, KNOWLEDGE, REPORTER, Voice
from steep.demo.voices_informal import (
    ANNIVERSARY_LINES,
    COLLEAGUE,
    NEWSLETTER,
    VISITOR_LINES,
)
from steep.demo.world import Company, World

PORTRAIT_VOICES = (ARCHIVIST, REPORTER, NEWSLETTER, COLLEAGUE)
CLIPPING_VOICES = (REPORTER, AUDITOR, COLLEAGUE, ARCHIVIST)
LETTER_VOICES = (COLLEAGUE, NEWSLETTER, REPORTER)

# How many asides a company's passage carries where it stands alone and where it shares a document.
PORTRAIT_ASIDES = 4
SHORT_ASIDES = 1
LETTER_SIZE = 3
REVIEW_SIZE = 4
REGISTER_SIZE = 16

OPENINGS = {
    "archivist": (
        "This note accompanies the deposited papers and was drawn up in the reading room.",
        "The finding aid below replaces the card index.",
        "The following was compiled from the deposited volumes.",
        "These papers came to us in eleven boxes and were sorted over the winter.",
    ),
    "reporter": (
        "A supplier that rarely seeks attention has opened its gates for a morning.",
        "The trade is watching a maker that prefers to stay out of the papers.",
        "Another week, another visit in our series on the suppliers of the region.",
        "The season has begun quietly for one of the better-known names in the trade.",
    ),
    "newsletter": (
        "Hello everyone, here is our neighbour of the month!",
        "Grab a biscuit, it is time for another portrait.",
        "Happy reading, and do send us your gossip.",
        "Spring is here, and so is a new face in our partner gallery!",
    ),
    "colleague": (
        "These are my notes for whoever takes over the account.",
        "Welcome to the account, here is what I would have liked to hear on my first day.",
        "Before you ring them, read this, it saves you an awkward minute.",
        "Here is the short version of what I know about this partner.",
    ),
}
CLOSINGS = {
    "archivist": ("Further volumes are closed to readers for the time being.",),
    "reporter": ("More from the region follows in the next edition.",),
    "newsletter": ("That is all for now, see you by the coffee machine!",),
    "colleague": ("Shout if anything is unclear.",),
}
TITLES = {
    "archivist": ("Papers of {name}", "{name}: a finding aid", "Note on the {name} collection"),
    "reporter": ("A morning at {name}", "{name} keeps its counsel", "Steady course for {name}"),
    "newsletter": ("Partner portrait: {name}", "Meet {name}", "Hello, {name}!"),
    "colleague": ("Onboarding: {name}", "Handover notes, {name}", "Getting to know {name}"),
}
CLIPPING_TITLES = {
    "reporter": ("{name} in brief", "Short report on {name}"),
    "auditor": ("Review notes {name}", "File memo, {name}"),
    "colleague": ("Call note {name}", "After the visit to {name}"),
    "archivist": ("Accession note, {name}", "Register entry for {name}"),
}
AUTHORS = ("Jo, field sales", "Kim, purchasing", "Sam, planning", "Alex, service", "Robin, events")
REGISTERS = (
    (
        "visitors",
        "List for visitors",
        "Kept at the front desk; please tell us when a door sign changes.",
        VISITOR_LINES,
    ),
    (
        "anniversaries",
        "Birthdays of our partners",
        "Cards are in the second drawer, stamps are with the porter.",
        ANNIVERSARY_LINES,
    ),
)
EDITIONS = ("Spring", "Summer", "Autumn", "Winter")


def write_documents(world: World, folder: Path) -> list[Path]:
    """Write the share of a world into `folder`; returns the files, sorted."""
    scribe = Scribe(random.Random(f"steep-demo-documents:{world.seed}"))
    files: dict[str, str] = {}
    companies = list(world.companies)
    scribe.rng.shuffle(companies)
    for number, company in enumerate(companies):
        voice = PORTRAIT_VOICES[number % len(PORTRAIT_VOICES)]
        files |= _portrait(scribe, company, voice)
    files["knowledge/articles.csv"] = _knowledge(scribe, companies)
    files["news/clippings.jsonl"] = _clippings(scribe, companies)
    scribe.rng.shuffle(companies)
    for number, group in enumerate(_groups(companies, LETTER_SIZE), start=1):
        voice = LETTER_VOICES[number % len(LETTER_VOICES)]
        files[f"mail/{number:02d}-{voice.name}.txt"] = _letter(scribe, group, voice)
    scribe.rng.shuffle(companies)
    for number, group in enumerate(_groups(companies, REVIEW_SIZE), start=1):
        files |= _review(scribe, group, number)

    companies.sort(key=lambda company: company.name)
    for number, group in enumerate(_groups(companies, REGISTER_SIZE), start=1):
        files |= _registers(scribe, group, number)

    written = []
    for name, text in sorted(files.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
        written.append(path)
    return written


def _groups(companies: list[Company], size: int) -> list[list[Company]]:
    """Deal companies into groups of about `size`, none much smaller than another."""
    count = -(-len(companies) // size)
    return [companies[start::count] for start in range(count)]


def _portrait(scribe: Scribe, company: Company, voice: Voice) -> dict[str, str]:
    """A document about one company: path in the share and text."""
    lines = scribe.woven(company, voice, PORTRAIT_ASIDES)
    for product in company.other_products:
        lines.append(f"A smaller product, {product}, is sold by {company.name} as well.")
    lines.append(scribe.pick(CLOSINGS[voice.name]))
    blocks = (scribe.pick(OPENINGS[voice.name]), *paragraphs(lines, 2))
    title = scribe.pick(TITLES[voice.name]).format(name=company.name)
    article = Article(title, (Section(None, blocks),))
    name = slug(company.name)
    if voice is ARCHIVIST:
        return {f"archive/{name}.md": markdown(article)}
    if voice is REPORTER:
        return {f"press/{name}.html": page(article)}
    if voice is NEWSLETTER:
        return {f"partners/{name}.html": page(article)}
    return {f"onboarding/{name}.md": markdown(article)}


def _knowledge(scribe: Scribe, companies: list[Company]) -> str:
    """The knowledge base as CSV, one article a row."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("title", "content"))
    for company in companies:
        lines = scribe.woven(company, KNOWLEDGE, SHORT_ASIDES)
        for product in company.other_products:
            lines.append(f"{product} of {company.name} is a smaller product with its own manual.")
        writer.writerow((f"Supplier {company.name}", " ".join(lines)))
    return buffer.getvalue()


def _clippings(scribe: Scribe, companies: list[Company]) -> str:
    """Short notes by several authors as JSON lines."""
    rows = []
    for number, company in enumerate(companies):
        voice = CLIPPING_VOICES[number % len(CLIPPING_VOICES)]
        title = scribe.pick(CLIPPING_TITLES[voice.name]).format(name=company.name)
        text = " ".join(scribe.woven(company, voice, SHORT_ASIDES))
        rows.append(json.dumps({"title": title, "text": text}, ensure_ascii=False))
    return "\n".join(rows) + "\n"


def _letter(scribe: Scribe, group: list[Company], voice: Voice) -> str:
    """An e-mail, a radio talk or a travel report about a few companies, as plain text."""
    author = scribe.pick(AUTHORS)
    passages = [" ".join(scribe.woven(company, voice, SHORT_ASIDES)) for company in group]
    header: tuple[str, ...]
    if voice is COLLEAGUE:
        header = (f"From: {author}", "To: all of us", "Subject: back from the road")
        passages = ["Hi all, a few notes from my trip, in no particular order.", *passages]
        passages.append("Back at my desk tomorrow.")
    elif voice is NEWSLETTER:
        header = ("Partner post", f"Put together by {author}")
        passages = ["Dear all, the post bag was full again, so here we go.", *passages]
    else:
        header = ("Radio talk, typed from the tape",)
        names = [company.name for company in group]
        prompts = [f"Host: Tell us about {name}." for name in names]
        passages = [f"{p}\n\nGuest: {t}" for p, t in zip(prompts, passages, strict=True)]
        passages.append("Host: Thank you for coming in.")
    return plain(Article(header[0], (Section(None, tuple(passages)),)), header)


def _review(scribe: Scribe, group: list[Company], number: int) -> dict[str, str]:
    """Meeting notes, a fair report, a comparison or a newsletter on about four companies."""
    kind = ("meeting", "fair", "comparison", "newsletter")[number % 4]
    edition = EDITIONS[number % len(EDITIONS)]
    if kind == "comparison":
        sections = []
        for first, second in zip(group[::2], group[1::2], strict=False):
            lines = scribe.pair(first, second)
            lines[2] += f" {scribe.aside(REPORTER)}"
            heading = f"{first.name} and {second.name}"
            sections.append(Section(heading, paragraphs(lines, 3)))
        if len(group) % 2:
            alone = group[-1]
            lines = scribe.woven(alone, REPORTER, SHORT_ASIDES)
            sections.append(Section(alone.name, paragraphs(lines, 3)))
        article = Article(f"Suppliers side by side, part {number}", tuple(sections))
        return {f"studies/comparison-{number:02d}.md": markdown(article)}

    voice = {"meeting": AUDITOR, "fair": REPORTER, "newsletter": NEWSLETTER}[kind]
    sections = [Section(c.name, (" ".join(scribe.woven(c, voice, SHORT_ASIDES)),)) for c in group]
    if kind == "meeting":
        article = Article(f"Minutes, supplier review {number}", tuple(sections))
        return {f"meetings/review-{number:02d}.md": markdown(article)}
    if kind == "fair":
        intro = "The hall was loud and warm, and the floor plan was wrong. Notes from a few stands."
        head = Section(None, (intro,))
        article = Article(f"Trade fair, hall {number}", (head, *sections))
        return {f"fairs/hall-{number:02d}.md": markdown(article)}
    article = Article(f"{edition} newsletter, issue {number}", tuple(sections))
    return {f"newsletter/issue-{number:02d}.html": page(article)}


def _registers(scribe: Scribe, group: list[Company], number: int) -> dict[str, str]:
    """The visitors' list and the anniversary list of the front desk."""
    files = {}
    for kind, title, note, lines in REGISTERS:
        bullets = "\n".join(f"- {scribe.entry(company, lines)}" for company in group)
        article = Article(f"{title}, sheet {number}", (Section(None, (note, bullets)),))
        files[f"reception/{kind}-{number:02d}.md"] = markdown(article)
    return files
