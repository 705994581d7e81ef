import json

import pytest

from steep.documents.formats import Fault, Piece, read_bytes

RST = """
:orphan:

.. _harbour:

Harbour
=======

Call :func:`~port.open` or see :ref:`the piers <piers>`; use ``a  b`` and *never* **stop**.
A `link <https://example.org>`_ too.

.. toctree::
   :maxdepth: 2

   piers

.. note:: Mind the tide.

   It is *high*.

.. code-block:: python
   :linenos:

   if tide:
       wait()

Example::

    ship
      sails

.. a comment
   over two lines

===== =====
Pier  Depth
===== =====
North 9 m
===== =====

- one
- two
"""


# Broken by: each rule of _RST_INLINE; toctree kept; the indentation of code lost.
def test_restructured_text() -> None:
    (piece,) = read_bytes("a.rst", RST.encode())
    assert isinstance(piece, Piece) and piece.title == "Harbour"
    for kept in (
        "Call port.open or see the piers; use a  b and never stop.\nA link too.",
        "Mind the tide.",
        "It is high.",
        "if tide:\n       wait()",
        "Example:\n\n    ship\n      sails",
        "North 9 m",
        "- one\n- two",
    ):
        assert kept in piece.text, kept
    for gone in ("toctree", "maxdepth", "comment", "====", "::", ":func:", "orphan", "linenos"):
        assert gone not in piece.text, gone


ADOC = """= Harbour
:toc:

// a comment
See <<piers,the piers>> and https://example.org[this page]; *never* _stop_ `now`.

.Title of a block
[source,python]
----
if tide:
    wait()
----

* one
** two

|===
|North |9 m
|===
"""


def test_asciidoc() -> None:
    (piece,) = read_bytes("a.adoc", ADOC.encode())
    assert isinstance(piece, Piece) and piece.title == "Harbour"
    for kept in (
        "See the piers and this page; never stop now.",
        "Title of a block",
        "if tide:\n    wait()",
        "- one\n- two",
        "North 9 m",
    ):
        assert kept in piece.text, kept
    for gone in ("comment", "toc", "----", "|", "[source", "="):
        assert gone not in piece.text, gone


def test_a_notebook() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Tides\n", "\n", "Some *words*."]},
        {"cell_type": "code", "source": "if x:\n    y()", "outputs": [{"text": "secret"}]},
    ]
    book = {"nbformat": 4, "metadata": {"kernelspec": {"language": "python"}}, "cells": cells}
    (piece,) = read_bytes("a.ipynb", json.dumps(book).encode())
    assert isinstance(piece, Piece)
    assert (piece.title, piece.text) == ("Tides", "Tides\n\nSome words.\n\nif x:\n    y()")
    for broken in (b"{", b"[]", b'{"cells": 3}'):
        (fault,) = read_bytes("a.ipynb", broken)
        assert isinstance(fault, Fault) and fault.reason == "unreadable file"


def said(text: str) -> str:
    (piece,) = read_bytes("a.rst", text.encode())
    assert isinstance(piece, Piece) and piece.may_be_wrapped
    return piece.text.strip()


# Broken by: literals treated as the rest of the line is; notes, versions or "only" left as they were.
@pytest.mark.parametrize(
    ("written", "text"),
    [
        (
            r"Use ``Foo.__init__`` and ``re.compile(r\"\.txt$\")``, *not* ``name_``.",
            r"Use Foo.__init__ and re.compile(r\"\.txt$\"), not name_.",
        ),
        (
            "So [#f1]_ says [Ada2002]_.\n\n.. [#f1] The *first*\n   note.\n.. [Ada2002] A book.",
            "So says [Ada2002].\n\nThe first note.\n[Ada2002] A book.",
        ),
        (".. only:: html\n\n   Words of it.", "Words of it."),
        (".. deprecated:: 2.1\n   Use ``b``.", "Deprecated since version 2.1:\nUse b."),
        (".. versionchanged:: 3.8 Faster.", "Changed in version 3.8 Faster."),
        (".. versionadded:: 3.9", "New in version 3.9"),
        (
            '.. csv-table:: The piers\n   :header: "Pier", Depth\n   :widths: 1, 2\n\n   "North, new", 9 m\n',
            "The piers\nPier: North, new; Depth: 9 m.",
        ),
    ],
)
def test_restructured_text_says_all_it_says(written: str, text: str) -> None:
    assert said(written) == text


def test_asciidoc_may_be_wrapped() -> None:
    (piece,) = read_bytes("a.adoc", b"= A\n\none\n")
    assert isinstance(piece, Piece) and piece.may_be_wrapped
