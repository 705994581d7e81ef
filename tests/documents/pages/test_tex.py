"""LaTeX: words stay, commands go."""

import pytest

from steep.documents.cleaning.clean import clean_text
from steep.documents.formats import Piece, read_bytes

PAPER = r"""\documentclass[11pt]{article}
\usepackage{amsmath} % for align
\newcommand{\ours}{DeepPump}
\title{On \emph{Pumps} and\\ Valves}
\author{A. Weber}
\begin{document}
\maketitle
% a remark
\section{Why pumps fail}\label{sec:why}
Our \ours{} fails in 5\% of cases~\cite{a,b}, % remark
  % more of it
see Section~\ref{sec:how}. It is \textbf{very \emph{good}}\footnote{We think.} --- ``so'' na\"ive.
\begin{itemize}
  \item First $x_1 < \frac{a}{b}$ of it
  \item[Second] one \& two
\end{itemize}
\begin{equation}
  E = mc^2 \label{eq:e}
\end{equation}
\begin{verbatim}
a = \b{c}  % kept
\end{verbatim}
\begin{thebibliography}{9}\bibitem{a} Somebody.\end{thebibliography}
\end{document}
after"""


def said(text: str) -> Piece:
    (piece,) = read_bytes("a.tex", text.encode())
    assert isinstance(piece, Piece)
    return piece._replace(text=clean_text(piece.text))


# Broken by: any one of the rules left out.
def test_a_paper_says_its_words() -> None:
    piece = said(PAPER)
    assert piece.title == "On Pumps and Valves"
    assert piece.text.startswith("Why pumps fail\n\nOur ") and "cases,\nsee" in piece.text
    assert [line for line in piece.text.split("\n") if line] == [
        "Why pumps fail",
        "Our DeepPump fails in 5% of cases,",
        "see Section. It is very good (We think.) — “so” naïve.",
        "- First $x_1 < \\frac{a}{b}$ of it",
        "- Second one & two",
        r"\begin{equation}",
        r"  E = mc^2 \label{eq:e}",
        r"\end{equation}",
        r"a = \b{c}  % kept",
    ]


# Broken by: "tex" among the suffixes of code; may_be_wrapped left out.
def test_long_lines_are_no_sign_of_a_program_and_wraps_are_joined() -> None:
    assert said(r"A \emph{long} " + "paragraph of a paper " * 90).text.startswith("A long par")
    (piece,) = read_bytes("a.tex", rb"one\\two")
    assert isinstance(piece, Piece) and piece.may_be_wrapped and piece.text == "one\ntwo"


@pytest.mark.parametrize(
    "text", [r"\(" * 20_000, "$" * 20_001, r"\emph{" * 20_000, r"\title{" * 9_000]
)
def test_nothing_closed_takes_no_time(text: str) -> None:
    said(text)
