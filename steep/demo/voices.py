"""The formal authors: an archivist, a reporter, a knowledge-base writer and an auditor.

A wording is a string with slots. `{city}`, `{founder}`, `{year}`, `{product}` and `{chief}` each
state a fact; `{name}` is the company, `{subj}`/`{poss}` the company or a stand-in for it such as
"the firm"; `{f_he}`, `{f_his}` and `{c_he}` are pronouns of founder and chief. A capital first
letter in a slot gives a capital in the text.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Voice:
    """An author: wordings for facts, stand-ins for a company's name, and things said between."""

    name: str
    wordings: tuple[str, ...]
    stand_ins: tuple[str, ...]
    asides: tuple[str, ...]


OFFICE_TALK = (
    "The windows on the east side were cleaned on {day}.",
    "A new carpet is expected in {room}.",
    "Heating in {room} was repaired after a cold week.",
    "The car park will be closed on {day} for line painting.",
    "Two chairs in {room} have been replaced.",
    "Deliveries arrive at the back while the front steps are mended.",
    "The bus stop was moved to the other side of the road.",
    "Fresh fruit is put out on {day}.",
    "The wind took down a branch near the bicycle shed.",
    "A fire drill passed without trouble on {day}.",
    "The clock in {room} still runs seven minutes fast.",
    "Snow held up the morning shift for an hour.",
    "The lamps in {room} were changed for brighter ones.",
    "A training day on first aid was well attended.",
    "Guests should sign the book at the gate.",
    "The bridge on the way to the station is closed to lorries.",
    "Lunch was moved to {room} because of the painters.",
    "A prize for tidy workshops was handed out without much ceremony.",
)

ARCHIVIST = Voice(
    name="archivist",
    wordings=(
        "{Poss} registered seat is {city}, and the letter books give no other address.",
        "The papers place {subj} at {city} from the first ledger to the last.",
        "{Poss} deed of formation carries a single signature, that of {founder}.",
        "{founder} drew up the articles of {subj} and served as its first chairman.",
        "The trade register enters {subj} under the year {year}.",
        "{Poss} earliest ledger opens in {year}, the year in which it was established.",
        "Of all that {subj} has made, {product} is the principal work and is catalogued first.",
        "The catalogue describes {product} as the principal product of {subj}.",
        "The office of head of research in {subj} is held by {chief}.",
        "Scientific correspondence of {subj} is signed by {chief}, its head of research.",
        "{Subj} was established in {year} by {founder} and has its seat at {city}.",
        "{founder} established {subj} in {year}. {F_he} chose {city} for its seat, and there it "
        "has stayed.",
        "{name} dates from {year}; its seat is {city}.",
        "{Subj}, established by {founder}, is known above all for {product}.",
        "{Poss} principal product, {product}, is kept under the eye of {chief}, its head of "
        "research.",
        "The laboratory books of {subj} are countersigned by {chief}, who directs its research "
        "from {city}.",
        "{founder} signed the charter of {subj} in the spring of {year}.",
        "A bronze tablet in {city} marks the seat of {subj} and names {founder} as its founder.",
    ),
    stand_ins=("the house", "the company"),
    asides=(
        "Two boxes of the correspondence suffered from damp and have been dried.",
        "The photographs are unsigned and bear no captions.",
        "Readers are asked to wear gloves when turning the larger plans.",
        "A bundle of railway timetables was found between the minutes and has been kept.",
        "The handwriting of the second clerk is difficult.",
        "Some invoices are missing, which is usual for a collection of this size.",
        "The bindings are of plain grey cloth.",
        "Nothing in the file explains the pressed flower on the inside cover.",
        "The shelf mark was changed when the reading room was moved.",
        "Several duplicates were returned to the depositor.",
        "A wage book has lost its spine but is complete.",
        "The maps are rolled and stand behind the door.",
        "Ink stains make two of the pages hard to read.",
        "The depositor wishes to remain anonymous.",
        "An earlier list counted the same volumes twice.",
        "Press cuttings were pasted in by an unknown hand.",
        "The minutes pass over the flood in a single line.",
        "A seating plan for a dinner is kept with the receipts.",
    ),
)

REPORTER = Voice(
    name="reporter",
    wordings=(
        "{Subj} is headquartered in {city}.",
        "From headquarters in {city}, {subj} supplies customers in eleven regions.",
        "{Subj} was founded by {founder}.",
        "{Poss} founder, {founder}, built the first machine on a kitchen table.",
        "{Subj} has been in business since {year}.",
        "Trading at {subj} began in {year}, according to company filings.",
        "Analysts say {product} accounts for most of the sales at {subj}.",
        "{Poss} flagship, {product}, remains the product that customers name first.",
        "Research at {subj} is led by {chief}.",
        "Those who ring {subj} about the science behind a machine reach {chief}, who heads "
        "research.",
        "{Subj}, set up in {year} by {founder}, keeps its main office in {city}.",
        "{name}, the {city}-based maker of {product}, has declined to comment on its order book.",
        "{founder} founded {subj} in {year}. The main office opened in {city}, where it still "
        "stands.",
        "{chief} leads the research department of {subj}. {C_he} described {product} as its "
        "flagship and would say no more.",
        "Founded in {year}, {subj} made its reputation with {product}.",
        "{founder} opened the first office of {subj} in {city}, and headquarters have been there "
        "ever since.",
        "At headquarters in {city}, research chief {chief} spoke for {subj}.",
        "{Subj}, which {founder} founded, still lives mainly from {product}.",
    ),
    stand_ins=("the company", "the firm"),
    asides=(
        "Shares in the sector were little changed over the week.",
        "Competitors were cautious when asked for comment.",
        "The order book was described as satisfactory, without figures.",
        "An industry award went to somebody else this season.",
        "Union representatives called the mood on the shop floor calm.",
        "Freight costs have weighed on margins across the trade.",
        "Road works delayed several visitors to the press morning.",
        "A spokesman warned against reading too much into a single quarter.",
        "Rain kept the outdoor part of the presentation short.",
        "Suppliers expect a quiet summer and a busier autumn.",
        "No job cuts are planned, a spokeswoman said.",
        "Visitors were given tea and very few numbers.",
        "It is too early to say whether demand will hold.",
        "Nobody would be drawn on plans for the coming season.",
        "The tour ended early because a gate would not open.",
        "A rival declined to be compared.",
        "Local traders hope that the new bypass will help.",
    ),
)

KNOWLEDGE = Voice(
    name="knowledge",
    wordings=(
        "The head office of {subj} is located in {city}.",
        "Parcels for {subj} go to the head office, {city}.",
        "Company records list {founder} as founder of {subj}.",
        "{Subj} was created by {founder}.",
        "Year of foundation of {subj}: {year}.",
        "{Subj} was founded in {year}.",
        "{product} is the flagship product in the catalogue of {subj}.",
        "{Subj} sells {product} as its flagship product.",
        "Technical escalations for {subj} go to {chief}, head of research.",
        "The research department of {subj} reports to {chief}.",
        "{name} is a supplier of {trade} with its head office in {city}.",
        "{name} ({city}) was founded in {year} by {founder}.",
        "{name} supplies {trade}. It was founded by {founder} in {year}.",
        "{chief} heads the research department of {subj} and approves changes to {product}, the "
        "flagship product.",
        "{name}, created by {founder}, supplies {trade}; its flagship product is {product}.",
        "Use the {city} address for {subj}, and mark research matters for {chief}, who heads that "
        "department.",
        "{Subj} has sold {trade} since its foundation in {year}; {product} is the flagship.",
    ),
    stand_ins=("the company", "this supplier"),
    asides=(
        "Tickets are closed after ten days without a reply.",
        "Spare parts need an order number.",
        "Use the loading bay on the north side for heavy parcels.",
        "Price lists are kept in a separate folder.",
        "Manuals are available on request in two languages.",
        "Escalate only when the second line has looked at the case.",
        "Passwords are never sent by e-mail.",
        "Loan devices must be booked a week ahead.",
        "The hotline is staffed until five.",
        "Returned goods are inspected before a credit note is issued.",
        "Attach the log file to every ticket.",
        *OFFICE_TALK,
    ),
)

AUDITOR = Voice(
    name="auditor",
    wordings=(
        "Registered office of {subj}: {city}, lease seen.",
        "Seat of {subj} verified, {city}.",
        "Founder of {subj} per share register: {founder}.",
        "Founding shareholder of {subj}: {founder}, no other names on file.",
        "Incorporation of {subj}: {year}, certificate sighted.",
        "{Subj} filed first accounts for {year}, its founding year.",
        "Main revenue line of {subj}: {product}.",
        "Bulk of income at {subj} stems from {product}; agreed to ledger.",
        "Research budget of {subj} signed by {chief}, head of research.",
        "Head of research, {name}: {chief}.",
        "{name}, registered office {city}, formed {year}.",
        "{Subj} formed by {founder} in {year}; papers complete.",
        "{product} confirmed as lead product of {subj} by {chief}, head of research, in writing.",
        "Met {chief}, research head of {subj}, at the registered office in {city}.",
        "Shares of {subj} passed down from {founder}, founder; registered office {city}.",
        "{Subj} formed {year}, lead product {product}, no exceptions.",
        "Founder {founder} named {product} as lead product in the articles of {subj}.",
    ),
    stand_ins=("the company", "the entity"),
    asides=(
        "Petty cash counted, agreed.",
        "Stock count postponed by rain.",
        "Two receipts missing, immaterial.",
        "Car park barrier out of order.",
        "Travel claims in order.",
        "Fire doors tested, no remarks.",
        "Access list out of date, to be renewed.",
        "Canteen subsidy unchanged.",
        "No comment on insurance.",
        "Follow-up visit not required.",
        "Inventory labels faded but legible.",
        "Cash box key kept in two places, advised against.",
        "Overtime sheets signed late.",
        "Archive room dry.",
        "Scales recalibrated, slip attached.",
        "Postage book up to date.",
        "Vehicle log incomplete for one week.",
    ),
)
