"""Pages and plain text: HTML, Markdown and light markup, books, wikis, source code."""
