import json

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
