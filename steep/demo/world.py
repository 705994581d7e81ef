"""A fictional business world: companies, the facts about them, and controls nobody wrote down.

`make_world(seed)` is the only entry point. Every invented word is unique and none is contained
in another, so that a text search for a name finds that name and nothing else.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

RELATIONS = ("headquarters", "founder", "founding_year", "product", "research_head")

MIN_COMPANIES = 12
MAX_COMPANIES = 400
CONTROL_COMPANIES = 12
CONTROL_YEARS = 16
YEARS = range(1921, 2020)
EARLIEST_SOFTWARE_YEAR = 1985
VOWELS = frozenset("aeiou")

COMPANY_HEADS = (
    "Vel Tarn Quor Bras Mard Hels Dorv Fen Kest Lorn Nord Pelv Rast Selk Torv Ulv "
    "Verd Wesk Yarn Zand Corv Belv Grav Strom"
)
COMPANY_LINKS = ("", "a", "e", "i", "o")
COMPANY_TAILS = "mora wick dane lix mont vane quist thos ravel zen nor bria loft dex rune gard"
COMPANY_SECONDS = ("Systems", "Works", "Labs", "Group", "Instruments", "Analytics")
TWO_WORD_SHARE = 0.5

CITY_HEADS = (
    "Ost Grim Hollo Bren Tal Wint Kel Lund Aver Skar Mers Thorn Dunn Ald Havr Rook Silk Crane "
    "Pell Varn Yew Ebb Frost Gorse Hart Inch Jarrow Linn Moss Quay"
)
CITY_TAILS = (
    "moor stead haven ferry brook gate mere holt thwaite combe fell ness wold beck garth "
    "strand hythe cross"
)

SURNAME_HEADS = (
    "Ask Bel Cor Dar Fal Gar Hal Kar Lan Mer Nes Olm Per Quin Ren Sar Tem Umb Var Wen Yel Zor "
    "Bro Cla Dre Fro Gri Hos Jar Kru Les Mor Nim Pra Sto Tri"
)
SURNAME_TAILS = (
    "drow vik mell tresk gath lowen bray dacre fenn holm jessop kerne lisk marsh noble "
    "pryn quell rigg sett thorpe vance wynd zell bott cairn dusk flint tarn gorse hask plume"
)

PRODUCT_HEADS = (
    "Quil Brix Lum Ord Pax Vant Zeph Trel Mod Kyr Sonn Fleq Gald Hyl Ixor Jun Kord Lyv Mint Nex "
    "Oph Plyn Ryd Stev Tymb Urd Vyx Wob Xan Yot"
)
PRODUCT_TAILS = "alo exa ira on ium ix ara eo unda ivar etto ola aris umo enta oro ika adel osk urn"

# Joined by chance these would be real names that a model has read about.
REAL_NAMES = (
    "velmont verdmont gravmont quilon kyron modon modix luma lumix lumira lumon nexon nexium "
    "nexix nexaris nexara minteo quillon sonnix corbray belmarsh lanflint normarsh corvance "
    "jarrowgate hartbrook hartfell mossbrook linnbeck frostholt thornbrook thornhaven kelbrook "
    "aldbrook rookhaven wintergate wintbrook silkstead hartgate cranemoor grimstead thornfell "
    "mossgate mosshaven dunnbeck quaybrook ebbness ardenholm kelholm halthorpe garthorpe "
    "marquell morlowen corholm frolisk trivance mintora optix"
)

FEMALE_NAMES = (
    "Odile Maren Petra Tamsin Ilse Bryony Greta Leonie Nadia Freya Vera Hedda Sabine Thea Linnea "
    "Agnes Doris Ruth Clara Edith"
)
MALE_NAMES = (
    "Anton Bram Casper Emil Felix Gregor Henrik Ivo Jasper Konrad Magnus Niels Oskar Pavel Rufus "
    "Stefan Tobias Viktor Walter Hugo"
)

TRADES = (
    "measuring instruments",
    "labelling machines",
    "laboratory scales",
    "signal equipment",
    "packaging lines",
    "irrigation controls",
    "ticket machines",
    "water meters",
    "stage lighting",
    "greenhouse controls",
    "weighing equipment",
    "harbour instruments",
    "sorting machines",
    "printing equipment",
    "warehouse equipment",
)


@dataclass(frozen=True)
class Person:
    """Someone with a first name, a surname and the gender their pronouns follow."""

    first: str
    last: str
    gender: Literal["f", "m"]

    @property
    def name(self) -> str:
        """First name and surname."""
        return f"{self.first} {self.last}"


@dataclass(frozen=True)
class Company:
    """One fictional company with the five things that can be asked about it."""

    name: str
    city: str
    founder: Person
    year: int
    product: str
    research_head: Person
    trade: str
    other_products: tuple[str, ...]


@dataclass(frozen=True)
class Fact:
    """One answer to one relation of one company; `aliases` are other acceptable answers."""

    id: str
    subject: str
    relation: str
    answer: str
    aliases: tuple[str, ...]


@dataclass(frozen=True)
class World:
    """Companies that documents describe, and control companies that no document mentions."""

    seed: int
    companies: tuple[Company, ...]
    facts: tuple[Fact, ...]
    control_companies: tuple[Company, ...]
    control_facts: tuple[Fact, ...]


class _Names:
    """Hands out invented words; none equals, contains or is contained in an earlier one."""

    def __init__(self, rng: random.Random, taken: tuple[str, ...]) -> None:
        self._rng = rng
        self._real = frozenset(REAL_NAMES.split())
        self._words: set[str] = set()
        self._parts: set[str] = set()
        for word in taken:
            self._record(word.lower())

    def _record(self, word: str) -> None:
        self._words.add(word)
        self._parts.update(_parts(word))

    def draw(self, pool: list[str], count: int) -> list[str]:
        """Take `count` acceptable words from `pool` in random order."""
        order = sorted(set(pool))
        self._rng.shuffle(order)
        drawn: list[str] = []
        for candidate in order:
            if len(drawn) == count:
                break
            word = candidate.lower()
            clash = word in self._parts or not self._words.isdisjoint(_parts(word))
            if clash or word in self._real:
                continue
            self._record(word)
            drawn.append(candidate)
        if len(drawn) < count:
            raise ValueError(f"the syllables give only {len(drawn)} of {count} names")
        return drawn


def _parts(word: str) -> set[str]:
    """All stretches of at least four letters of a word, and the word itself."""
    size = len(word)
    parts = {word[i:j] for i in range(size) for j in range(i + 4, size + 1)}
    return parts | {word}


def _join(heads: list[str], links: tuple[str, ...], tails: str) -> list[str]:
    """Every head + link + tail, but for seams that double a letter or put vowel on vowel."""
    words = []
    for head in heads:
        for link in links:
            for tail in tails.split():
                left = head + link
                vowels = left[-1] in VOWELS and tail[0] in VOWELS
                if left[-1] != tail[0] and not vowels:
                    words.append(left + tail)
    return words


def _people(rng: random.Random, surnames: list[str]) -> list[Person]:
    """Give each surname a gender and a first name."""
    people = []
    for surname in surnames:
        if rng.random() < 0.5:
            people.append(Person(rng.choice(FEMALE_NAMES.split()), surname, "f"))
        else:
            people.append(Person(rng.choice(MALE_NAMES.split()), surname, "m"))
    return people


def _years(rng: random.Random, companies: int) -> tuple[list[int], list[int]]:
    """Founding years of the companies and of the controls; the two lists never share a year."""
    pool = list(YEARS)
    rng.shuffle(pool)
    control, free = pool[:CONTROL_YEARS], pool[CONTROL_YEARS:]
    # The first company sells software, so it may not be older than its trade.
    first = next(year for year in free if year >= EARLIEST_SOFTWARE_YEAR)
    free.remove(first)
    years = [first, *free]
    while len(years) < companies:
        years.append(rng.choice(free))
    return years[:companies], control[:CONTROL_COMPANIES]


def _facts(companies: tuple[Company, ...], prefix: str) -> tuple[Fact, ...]:
    """The five facts of each company in a fixed order."""
    facts = []
    for number, company in enumerate(companies, start=1):
        answers: dict[str, tuple[str, tuple[str, ...]]] = {
            "headquarters": (company.city, ()),
            "founder": (company.founder.name, (company.founder.last,)),
            "founding_year": (str(company.year), ()),
            "product": (company.product, ()),
            "research_head": (company.research_head.name, (company.research_head.last,)),
        }
        for relation in RELATIONS:
            answer, aliases = answers[relation]
            identity = f"{prefix}{number:03d}-{relation}"
            facts.append(Fact(identity, company.name, relation, answer, aliases))
    return tuple(facts)


def make_world(seed: int, *, companies: int = 16) -> World:
    """Invent a world of `companies` companies (12 to 400) from a seed; same seed, same world."""
    if not MIN_COMPANIES <= companies <= MAX_COMPANIES:
        raise ValueError(f"companies must be {MIN_COMPANIES} to {MAX_COMPANIES}, not {companies}")
    rng = random.Random(f"steep-demo-world:{seed}")
    firsts = FEMALE_NAMES.split() + MALE_NAMES.split()
    names = _Names(rng, ("TechCorp", "CloudAI", "DataFlow", *firsts, *COMPANY_SECONDS))
    count = companies + CONTROL_COMPANIES

    # Few heads for few companies: names that share syllables are easy to confuse.
    heads = COMPANY_HEADS.split()
    heads = rng.sample(heads, min(len(heads), 8 + companies // 20))
    titles = ["TechCorp"]
    for stem in names.draw(_join(heads, COMPANY_LINKS, COMPANY_TAILS), count - 1):
        two_words = rng.random() < TWO_WORD_SHARE
        titles.append(f"{stem} {rng.choice(COMPANY_SECONDS)}" if two_words else stem)
    plain = ("",)
    coined = names.draw(_join(PRODUCT_HEADS.split(), plain, PRODUCT_TAILS), count - 1)
    products = ["CloudAI", *coined]
    cities = names.draw(_join(CITY_HEADS.split(), plain, CITY_TAILS), count)
    surnames = names.draw(_join(SURNAME_HEADS.split(), plain, SURNAME_TAILS), 2 * count)
    people = _people(rng, surnames)
    founding, control_years = _years(rng, companies)

    built = []
    for index, year in enumerate(founding + control_years):
        built.append(
            Company(
                name=titles[index],
                city=cities[index],
                founder=people[2 * index],
                year=year,
                product=products[index],
                research_head=people[2 * index + 1],
                trade="office software" if index == 0 else rng.choice(TRADES),
                other_products=("DataFlow",) if index == 0 else (),
            )
        )
    real, control = tuple(built[:companies]), tuple(built[companies:])
    return World(
        seed=seed,
        companies=real,
        facts=_facts(real, "c"),
        control_companies=control,
        control_facts=_facts(control, "x"),
    )
