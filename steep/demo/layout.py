"""Documents as titled sections, and how each file format writes them down."""

from __future__ import annotations

import html
from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """A heading, if there is one, over some paragraphs."""

    heading: str | None
    paragraphs: tuple[str, ...]


@dataclass(frozen=True)
class Article:
    """One document before it has a format."""

    title: str
    sections: tuple[Section, ...]

    @property
    def body(self) -> str:
        """The paragraphs without any heading, on one line."""
        return " ".join(text for section in self.sections for text in section.paragraphs)


def paragraphs(lines: list[str], size: int) -> tuple[str, ...]:
    """Group sentences into paragraphs of `size`; a lone last sentence joins the one before."""
    groups = [lines[start : start + size] for start in range(0, len(lines), size)]
    if len(groups) > 1 and len(groups[-1]) == 1:
        groups[-2].extend(groups.pop())
    return tuple(" ".join(group) for group in groups)


def slug(name: str) -> str:
    """A file name made of a company's or document's name."""
    return name.lower().replace(" ", "-")


def markdown(article: Article) -> str:
    """The article as Markdown."""
    blocks = [f"# {article.title}"]
    for section in article.sections:
        if section.heading is not None:
            blocks.append(f"## {section.heading}")
        blocks.extend(section.paragraphs)
    return "\n\n".join(blocks) + "\n"


def plain(article: Article, header: tuple[str, ...]) -> str:
    """The article as plain text under header lines such as those of an e-mail."""
    blocks = ["\n".join(header)]
    for section in article.sections:
        if section.heading is not None:
            blocks.append(section.heading)
        blocks.extend(section.paragraphs)
    return "\n\n".join(blocks) + "\n"


def page(article: Article) -> str:
    """The article as an HTML page amid the usual furniture of a web site."""
    main = [f"<h1>{html.escape(article.title, quote=False)}</h1>"]
    for section in article.sections:
        if section.heading is not None:
            main.append(f"<h2>{html.escape(section.heading, quote=False)}</h2>")
        main.extend(f"<p>{html.escape(text, quote=False)}</p>" for text in section.paragraphs)
    content = "\n".join(main)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{html.escape(article.title, quote=False)}</title>
<script>window.page = {{track: true}};</script>
</head>
<body>
<nav><a href="/">Home</a> <a href="/press">Press</a> <a href="/contact">Contact</a></nav>
<header><p>Menu</p></header>
<main>
<article>
{content}
</article>
</main>
<footer><p>Imprint and privacy</p></footer>
</body>
</html>
"""
