"""The reasons of a verdict: plain sentences, each with its numbers."""

from __future__ import annotations

from steep.proof.rules import (
    CONTAMINATED_SHARE,
    FEWEST_CLEAN,
    FEWEST_CONTROLS,
    FEWEST_TEXTS,
    is_reciting_tested,
)
from steep.proof.words import (
    Findings,
    change,
    kept_words,
    learned_words,
    percent,
    points,
    short_words,
    untested_words,
)
from steep.wording import counted


def reasons(found: Findings) -> list[str]:
    """Plain sentences, one for each thing the verdict rests on."""
    return [
        *_about_facts(found),
        *_about_controls(found),
        *_about_forgetting(found),
        *_about_reciting(found),
    ]


def _about_facts(found: Findings) -> list[str]:
    fact = found.fact
    said = [_sentence(learned_words(found))]
    if found.contaminated:
        said.append(
            f"{percent(found.contaminated)} of the questions were left out, because training text "
            "holds their wording"
            + (
                f": more than {percent(CONTAMINATED_SHARE)} is contamination."
                if found.contaminated > CONTAMINATED_SHARE
                else "."
            )
        )
        if fact.n < FEWEST_CLEAN:
            said.append(f"Fewer than {FEWEST_CLEAN} questions remain, too few for evidence.")
    if not fact.n:
        return said
    if found.unranked:
        said.append(
            f"{counted(found.unranked, 'question')} without choices don't count here; they are "
            "among the free answers."
        )
    if found.facts == "probes":
        said.append("No questions were given, so facts are those of the automatic probes.")
    said.append(_flips_words(found))
    if fact.ci95 is None:
        said.append("All questions are about one fact, so no interval can be taken: ask more.")
    elif found.learned == "no_evidence" and _is_small(found):
        smallest = "of any size" if fact.detectable is None else f"under {points(fact.detectable)}"
        said.append(f"With {_asked(found)} a change {smallest} would mostly have gone unseen.")
    if found.ceiling is not None:
        said.append(
            f"With the right passage in its prompt the base model gets {percent(found.ceiling)} "
            "right: what perfect retrieval would give."
        )
    return said


def _flips_words(found: Findings) -> str:
    """What changed, by how much, and how likely that is by chance."""
    flips, fact = found.flips, found.fact
    test = "exact McNemar"
    if flips.clusters < flips.questions:
        test = f"sign-flip test over {flips.clusters} documents or facts,"
    words = (
        f"{counted(flips.gained, 'question')} went from wrong to right and {flips.lost} from right "
        f"to wrong ({test} p = {flips.p:.2g})"
    )
    if fact.delta is None or fact.ci95 is None:
        return f"{words}."
    low, high = (change(end, rate=True) for end in fact.ci95)
    return f"{words}: {change(fact.delta, rate=True)}, interval {low.split()[0]} to {high}."


def _is_small(found: Findings) -> bool:
    """True if so few questions explain that nothing was shown: no larger change was seen."""
    fact = found.fact
    if fact.delta is None or (fact.ci95 is not None and fact.ci95[0] > 0):
        return False
    return fact.detectable is None or abs(fact.delta) < fact.detectable


def _asked(found: Findings) -> str:
    flips = found.flips
    about = f" about {flips.clusters} documents or facts" if flips.clusters < found.fact.n else ""
    return f"{counted(found.fact.n, 'question')}{about}"


def _about_controls(found: Findings) -> list[str]:
    control = found.control
    if not control.n:
        if not found.fact.n:
            return []
        return ["No control questions were asked, so a gain in form alone can't be told apart."]
    said = [
        f"Control facts, which your documents don't teach, went from {percent(control.base)} "
        f"to {percent(control.tuned)} (n {control.n})."
    ]
    if control.n < FEWEST_CONTROLS:
        said.append(
            f"So few count as no controls: it takes {FEWEST_CONTROLS} to clear a gain in form "
            "alone."
        )
    elif found.controls == "moved":
        said.append("The controls moved, which training on your documents can't explain.")
    return said


def _about_forgetting(found: Findings) -> list[str]:
    said = [_sentence(kept_words(found))]
    if 0 < found.general_loss.n < FEWEST_TEXTS:
        said.append(
            f"Forgetting is judged on only {found.general_loss.n} general texts "
            f"([evaluate] general), and over so few the interval is wide: give {FEWEST_TEXTS} or "
            "more."
        )
    facts = found.measures["general_fact_accuracy"]
    if facts.n:
        said.append(
            f"General knowledge went from {percent(facts.base)} to {percent(facts.tuned)} "
            f"(n {facts.n})."
        )
    shots = found.measures["general_fact_accuracy_few_shot"]
    if shots.n:
        said.append(
            f"Asked again behind three answered examples it went from {percent(shots.base)} to "
            f"{percent(shots.tuned)} (n {shots.n})"
            + (": format drift, not loss." if found.drift else ".")
        )
    grammar = found.measures["grammar_accuracy"]
    if grammar.n and grammar.ci95 is not None and grammar.ci95[1] < 0:
        said.append(
            f"Of {grammar.n} pairs of a right and a wrong sentence it prefers the right one in "
            f"{percent(grammar.tuned)}, {percent(grammar.base)} before."
        )
    return said


def _about_reciting(found: Findings) -> list[str]:
    recited = found.measures["verbatim_rate"]
    said = []
    if not is_reciting_tested(recited):
        said.append(_sentence(untested_words(found)))
    if recited.n:
        said.append(
            f"Of {recited.n} training passages {percent(recited.tuned)} are recited word for "
            f"word, {percent(recited.base)} before."
        )
    short = found.measures.get("verbatim_rate_short")
    if short is not None and short.n and is_reciting_tested(recited):
        said.append(
            f"{short_words(short)}: of so few tokens that isn't told from knowing what they say."
        )
    copied = found.measures["longest_copied"]
    if copied.tuned is not None and copied.base is not None:
        said.append(
            f"Writing freely it copies {copied.tuned:.1f} words in a row from the documents on "
            f"average, {copied.base:.1f} before."
        )
    return said


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:] + "."
