"""Turn companies into sentences: picks wordings, fills slots, strews in asides."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from functools import cache

from steep.demo.voices import Voice
from steep.demo.voices_informal import DAYS, PAIRS, ROOMS
from steep.demo.world import RELATIONS, Company, Person

SLOTS = {
    "headquarters": "{city}",
    "founder": "{founder}",
    "founding_year": "{year}",
    "product": "{product}",
    "research_head": "{chief}",
}
PRONOUNS = {"f": ("she", "her"), "m": ("he", "his")}

# How often a sentence names its company although the reader could tell from the one before.
NAME_AGAIN = 0.5

# Ways of telling a company that are drawn before the freshest is taken, and how much worse it is
# to repeat a wording about the same company than about another.
COVERS_TRIED = 8
TOLD_WEIGHT = 20


@cache
def relations_in(wording: str) -> frozenset[str]:
    """The relations that a wording states."""
    return frozenset(relation for relation, slot in SLOTS.items() if slot in wording)


def possessive(name: str) -> str:
    """The possessive form of a name."""
    return f"{name}'" if name.endswith("s") else f"{name}'s"


def capital(text: str) -> str:
    """The text with a capital first letter, otherwise unchanged."""
    return text[:1].upper() + text[1:]


class Scribe:
    """Writes for one share; remembers what it used, so that wordings repeat as late as possible."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._used: Counter[str] = Counter()
        self._told: Counter[tuple[str, str]] = Counter()

    def pick(self, options: Iterable[str]) -> str:
        """One of the least used options."""
        pool = list(options)
        least = min(self._used[option] for option in pool)
        choice = self.rng.choice([option for option in pool if self._used[option] == least])
        self._used[choice] += 1
        return choice

    def aside(self, voice: Voice) -> str:
        """A sentence in this voice that states no fact about a company."""
        slots = {"day": self.rng.choice(DAYS), "room": self.rng.choice(ROOMS)}
        return self.pick(voice.asides).format(**slots)

    def entry(self, company: Company, lines: tuple[str, ...]) -> str:
        """A line about a company in a register."""
        return self._fill(self.pick(lines), company, ())

    def woven(self, company: Company, voice: Voice, asides: int) -> list[str]:
        """All five facts of a company in this voice, in parts that may end in asides."""
        wordings = self._cover(company, voice)
        spread = Counter(self.rng.choices(range(len(wordings)), k=asides))
        parts: list[str] = []
        stand_ins: tuple[str, ...] = ()
        for number, wording in enumerate(wordings):
            told = self._fill(wording, company, stand_ins)
            said = [self.aside(voice) for _ in range(spread[number])]
            parts.append(" ".join([told, *said]))
            # After an aside a stand-in such as "the firm" could mean anyone.
            stand_ins = () if said else voice.stand_ins
        return parts

    def pair(self, first: Company, second: Company) -> list[str]:
        """Sentences that set two companies side by side in all five respects."""
        slots = {}
        for prefix, company in (("a", first), ("b", second)):
            slots[f"{prefix}_name"] = company.name
            slots[f"{prefix}_city"] = company.city
            slots[f"{prefix}_founder"] = company.founder.name
            slots[f"{prefix}_year"] = str(company.year)
            slots[f"{prefix}_product"] = company.product
            slots[f"{prefix}_chief"] = company.research_head.name
        order = self.rng.sample(RELATIONS, len(RELATIONS))
        return [self.pick(PAIRS[relation]).format(**slots) for relation in order]

    def _cover(self, company: Company, voice: Voice) -> list[str]:
        """Wordings that together state each fact once: the freshest of several random choices."""

        def staleness(wordings: list[str]) -> float:
            told = sum(self._told[company.name, wording] for wording in wordings)
            used = sum(self._used[wording] for wording in wordings)
            return (TOLD_WEIGHT * told + used) / len(wordings)

        chosen = min((self._random_cover(voice) for _ in range(COVERS_TRIED)), key=staleness)
        for wording in chosen:
            self._told[company.name, wording] += 1
            self._used[wording] += 1
        return chosen

    def _random_cover(self, voice: Voice) -> list[str]:
        """Wordings in random order that state each fact exactly once."""
        order = self.rng.sample(voice.wordings, len(voice.wordings))
        open_relations = set(RELATIONS)
        chosen: list[str] = []
        for wording in order:
            stated = relations_in(wording)
            if stated <= open_relations:
                chosen.append(wording)
                open_relations -= stated
        return chosen

    def _fill(self, wording: str, company: Company, stand_ins: tuple[str, ...]) -> str:
        """Put a company into a wording; a stand-in, if any is given, may replace its name."""
        subject, owner = company.name, possessive(company.name)
        if stand_ins and self.rng.random() > NAME_AGAIN:
            subject = self.rng.choice(stand_ins)
            owner = self.rng.choice(("its", possessive(subject)))
        founder_he, founder_his = self._pronouns(company.founder)
        chief_he, chief_his = self._pronouns(company.research_head)
        slots = {
            "name": company.name,
            "subj": subject,
            "poss": owner,
            "city": company.city,
            "founder": company.founder.name,
            "year": str(company.year),
            "product": company.product,
            "chief": company.research_head.name,
            "trade": company.trade,
            "f_he": founder_he,
            "f_his": founder_his,
            "c_he": chief_he,
            "c_his": chief_his,
        }
        slots |= {capital(key): capital(value) for key, value in slots.items()}
        return wording.format(**slots)

    @staticmethod
    def _pronouns(person: Person) -> tuple[str, str]:
        return PRONOUNS[person.gender]
