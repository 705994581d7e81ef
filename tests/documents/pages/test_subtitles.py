"""Subtitles."""

from steep.documents.formats import Piece, read_bytes

SRT = """1
00:00:01,000 --> 00:00:03,000
<i>The pump was</i>
built in Oslo.

2
00:00:03,500 --> 00:00:05,000
- Who built it?
- We did.

3
00:00:20,000 --> 00:00:22,000
{\\an8}Later, 3
"""
VTT = """WEBVTT - Title

NOTE a remark

00:01.000 --> 00:02.000 align:start
<v Ada>The pump

intro
00:02.000 --> 00:03.000
The pump
was <00:02.500>built.
"""


# Broken by: counters kept, pauses not looked at, a line that rolls on said twice.
def test_what_was_said_is_read() -> None:
    (srt,) = read_bytes("a.srt", SRT.replace("\n", "\r\n").encode())
    assert isinstance(srt, Piece)
    assert srt.text == "The pump was built in Oslo.\n- Who built it?\n- We did.\n\nLater, 3"
    (vtt,) = read_bytes("a.vtt", VTT.encode())
    assert isinstance(vtt, Piece) and vtt.text == "The pump was built."
