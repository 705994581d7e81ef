import pytest

from steep.documents.mail.quotes import mark_quotations, read_subject, without_quotes


def own(text: str, subject: str = "Re: Pump") -> str:
    return without_quotes(text, read_subject(subject)).strip()


# Broken by: _OPENING unused; _VERB without a language; "<bob@x.com>" parting an announcement.
@pytest.mark.parametrize(
    "announcement",
    [
        "On Mon, … Bob wrote:",
        "On Mon, … Bob Smith <bob@x.com> wrote:",
        "On Mon, Mar 2, 2026 at 10:00 AM Bob Smith <bob@x.com>\nwrote:\n",
        "On Mon, Mar 2, 2026 at 10:00 AM Bob\nSmith <bob@x.com> wrote:\n",
        "Am Mo., 2. März 2026 um 10:00 Uhr schrieb Bob <bob@x.com>:\n",
        "Le lun. 2 mars 2026 à 10:00, Bob <bob@x.com> a écrit :",
        "El lun, 2 mar 2026 a las 10:00, Bob (<bob@x.com>) escribió:",
        "Il giorno lun 2 mar 2026 alle ore 10:00 Bob <bob@x.com>\nha scritto:",
        "Em seg., 2 de mar. de 2026 às 10:00, Bob <bob@x.com> escreveu:",
        "Op ma 2 mrt 2026 om 10:00 schreef Bob <bob@x.com>:",
        "Den mån 2 mars 2026 kl 10:00 skrev Bob <bob@x.com>:",
        "пн, 2 мар. 2026 г. в 10:00, Bob\n<bob@x.com>:\n",
        "2026年3月2日(月) 10:00 Bob <bob@x.com>:",
        "Bob Smith wrote:",
    ],
)
def test_what_announces_a_quotation_goes_and_the_words_above_stay(announcement: str) -> None:
    for above in ("Thanks, the new pump works.\n", "See you at 10:00\n\n"):
        text = f"{above}{announcement}\n> Does it work?\n> Bob\n"
        assert own(text, "Pump") == above.strip()


# Broken by: any line that ends in a colon above quoted ones going with them.
def test_own_words_that_end_in_a_colon_stay() -> None:
    text = "On 3 May 2026 at 10:00 we meet and\nI wrote this down:"
    assert own(f"{text}\n> Does it work?\nYes.\n") == f"{text}\nYes."
    assert own("Yes.\n\nbob@x.com wrote on 03/02/2026:\n> Is it?") == "Yes."
    for line in ("My answer to the plan for 2026:", "Write to bob@x.com about this:", "You ask:"):
        assert own(f"{line}\n> Does it work?\nYes.\n") == f"{line}\nYes."


def test_answers_between_quoted_lines_stay() -> None:
    text = "On Monday, Bob wrote:\n> A?\n>> B?\nYes, A.\n\n> C?\n\nNo.\n"
    assert own(text).split() == ["Yes,", "A.", "No."]


# Broken by: quoted lines going from a message that answers none.
def test_what_a_new_message_quotes_stays() -> None:
    text = "The sign says:\n> No entry.\n\nMind it."
    assert own(text, "News") == text
    assert own(text, "Re: News") == "The sign says:\n\nMind it."
    assert without_quotes(text, read_subject("News"), answers=True) != text


# Broken by: _SESSION unused.
def test_pythons_prompt_stays() -> None:
    text = "Yesterday I wrote:\n>>> import pump\n>>> pump.on()\nTrue"
    assert own(text) == text
    assert own("Ida <i@x.org> wrote:\n>>> Is it?\n\nYes") == "Yes"
    assert own(">> A?\n>>> B?\n> C\n\nYes") == "Yes"


HEADER = "From: Bob <bob@x.com>\nSent: Monday, March 2, 2026 10:00\nTo: Ida\nSubject: Pump\n"


# Broken by: _ORIGINAL unused; a header of another subject cutting.
def test_what_outlook_puts_below() -> None:
    ruled = f"It works.\n\nIda\n\n{'_' * 32}\n{HEADER}\nDoes it?\n"
    assert own(ruled, "RE: Pump") == own(ruled, "AW: Pump") == "It works.\n\nIda"
    named = f"It works.\n\n-----Ursprüngliche Nachricht-----\n{HEADER}\nDoes it?\n"
    assert own(named, "AW: Another pump") == "It works."
    for subject in ("RE: Another pump", "FW: Pump", "WG: Pump", "Pump"):
        assert own(ruled, subject) == ruled.strip()
    assert own(f"{HEADER}\nDoes it?") == f"{HEADER}\nDoes it?"  # nothing else is said
    form = "See the form:\n\nName: Ida\nSubject: pump\n\nIt is due."
    assert own(form) == form


# Broken by: quoted lines below "forwarded" going, or keeping their ">".
def test_a_forwarded_message_stays() -> None:
    apple = "Look.\n\nBegin forwarded message:\n\n> From: Bob\n>\n> The pump is here.\n"
    bare = "Look.\n\nBegin forwarded message:\n\nFrom: Bob\n\nThe pump is here."
    assert own(apple, "Fwd: Pump") == own(apple, "Pump") == bare
    gmail = "Look.\n\n---------- Forwarded message ---------\nFrom: Bob\n\nHere.\n> Where?"
    assert own(gmail, "Look") == gmail
    assert own(gmail, "Fwd: Pump") == gmail
    inside = "On Monday, Bob wrote:\n> Begin forwarded message:\n> Here.\n\nThanks."
    assert own(inside) == "Thanks."


def test_subjects() -> None:
    assert read_subject("[EXT] AW: Re: [team] Pump: on") == ("on", True, False)
    assert read_subject("Fwd: Re: Pump") == ("pump", False, True)
    assert read_subject("HR: Leave") == ("leave", False, False)


def said(html: str, subject: str = "Re: Pump") -> list[str]:
    from steep.documents.pages.markup import read_html

    (piece,) = read_html(mark_quotations(html))
    return own(piece.text, subject).split("\n")  # type: ignore[union-attr]


# Broken by: _is_quotation false; the line above a quotation staying.
@pytest.mark.parametrize(
    "quoted",
    [
        '<div class="gmail_quote"><div class="gmail_attr">On Mon, Mar 2, 2026 at 10:00 AM Bob &lt;<a href="mailto:b@x.com">b@x.com</a>&gt; wrote:<br></div><blockquote class="gmail_quote"><p>Does it?</p></blockquote></div>',
        '<div><blockquote type="cite"><div>On 2 Mar 2026, at 10:00, Bob wrote:</div><div>Does it?</div></blockquote></div>',
        '<div class="moz-cite-prefix">On 3/2/26 10:00, Bob wrote:<br></div><blockquote type="cite" cite="mid:a"><pre>Does it?</pre></blockquote>',
        '<hr><div id="divRplyFwdMsg"><b>From:</b> Bob &lt;b@x.com&gt;<br><b>Sent:</b> 2 March 2026<br><b>To:</b> Ida<br><b>Subject:</b> Pump</div><p>Does it?</p>',
    ],
)
def test_quotations_of_html(quoted: str) -> None:
    assert said(f"<div>It works.</div>{quoted}") == ["It works."]


def test_html_around_quotations_and_forwarded_in_them_stays() -> None:
    quote = '<blockquote type="cite">A?</blockquote>'
    assert " ".join(said(f"{quote}<p>Yes.</p>{quote}<p>No.</p>")).split() == ["Yes.", "No."]
    assert said("<blockquote>A saying.</blockquote>") == ["A saying."]
    apple = '<p>Look.</p><blockquote type="cite"><p>Begin forwarded message:</p><p>Here.</p><blockquote type="cite">Old.</blockquote></blockquote>'
    for subject in ("Fwd: Pump", "Pump"):
        assert [line for line in said(apple, subject) if line] == [
            "Look.", "Begin forwarded message:", "Here.", "Old.",
        ]  # fmt: skip
    answered = f'<p>Thanks.</p><blockquote class="gmail_quote"><p>See.</p><p>- Forwarded message -</p>{quote}</blockquote>'
    assert said(answered) == ["Thanks."]
