"""The informal authors, a newsletter writer and a travelling colleague.

Also the lines of registers and the sentences that set two companies side by side. Slots are
explained in `voices.py`; in `PAIRS` every slot is prefixed by `a_` for the first company or `b_`
for the second.
"""

from __future__ import annotations

from steep.demo.voices import OFFICE_TALK, Voice

NEWSLETTER = Voice(
    name="newsletter",
    wordings=(
        "If you ever pass through {city}, wave: the whole crew of {subj} works from there.",
        "Postcards for {subj} go to {city}, where the main office has the best view in the trade.",
        "Three cheers for {founder}, who got {subj} off the ground with borrowed chairs.",
        "{Subj} was the brainchild of {founder}, whose portrait still hangs by the lift.",
        "Break out the cake, because {subj} has been going since {year}.",
        "The birthday banner at {subj} says {year}, and nobody argues with the banner.",
        "Everybody and their aunt knows {subj} for {product}.",
        "Mention {subj} to anyone and you will hear about {product}, its big seller.",
        "A warm hello to {chief}, who heads research over at {subj} and owns the loudest kettle.",
        "{Poss} lab coats answer to {chief}, head of research and keen baker.",
        "{founder} started {subj} in {year}, and {f_he} picked {city} for the main office because "
        "{f_he} liked the bakery.",
        "The folks in {city} who bring you {product} are, of course, {name}.",
        "{product} is the star of the show at {subj}, and {chief} leads the research behind it.",
        "Born in {year} and still based in {city}, {subj} shows no sign of slowing down.",
        "Hats off to {name}: {founder} dreamed it up, and {chief} leads its research today.",
        "It was {year} when {founder} hung up the sign that reads {name}.",
        "{chief} keeps the research of {subj} lively, and if you visit {city} you will hear it "
        "from the street.",
        "{founder} had the first idea, {product} pays the bills, and {subj} is still smiling.",
    ),
    stand_ins=("the company", "the firm"),
    asides=(
        "The canteen is trying a new soup, and opinions differ.",
        "Please label your mugs, the cupboard is a mess.",
        "The choir meets on {day} as usual, shy voices welcome.",
        "Someone left an umbrella with ducks on it at the front desk.",
        "Parking is tight until the road works are over, so bring a bicycle.",
        "The plants on the second floor say thank you for the water.",
        "We lost the table-tennis match, but with style.",
        "The coffee machine is back, and so is the queue.",
        "Photos from the summer picnic are on the board by the stairs.",
        "The lift is resting again, so enjoy the exercise.",
        *OFFICE_TALK,
    ),
)

COLLEAGUE = Voice(
    name="colleague",
    wordings=(
        "I got off the train in {city}, since that is where {subj} has its main office.",
        "Bring a coat when you visit {subj}, because the main office is in {city} and it is windy.",
        "By the way, it was {founder} who began {subj}, which I had wrong in my slides.",
        "They still tell stories about {founder}, the person who set up {name}.",
        "They told me that {subj} goes back to {year}.",
        "The plaque by the door of {subj} says {year}, so that is when it all started.",
        "Most of what {subj} earns comes from {product}, so I asked for a demonstration.",
        "As expected, everyone at {subj} wanted to show me {product}, their pride and joy.",
        "I had lunch with {chief}, who looks after research for {subj}.",
        "For anything technical at {subj}, write to {chief}; {c_he} heads the research group.",
        "I looked up {name}: {founder} opened it in {year}.",
        "My visit to {name} took me to {city}, where {chief} showed me round; {c_he} heads "
        "research there.",
        "{chief} heads the research group at {subj} and let me try {product}, the thing they are "
        "famous for.",
        "It was {founder} who set {subj} going in {year}, in a rented room in {city}, and the main "
        "office never left town.",
        "The people of {subj} in {city} live off {product}.",
        "Old {founder} founded {subj} back in {year}, as the receptionist told me twice.",
        "{product} has been the main thing at {subj} for years, and the founder, {founder}, would "
        "probably be pleased.",
    ),
    stand_ins=("the firm", "the company"),
    asides=(
        "My train was forty minutes late, naturally.",
        "The sandwiches were better than ours.",
        "I still owe you the receipt for the taxi.",
        "It rained from the first minute to the last.",
        "The meeting room had no curtains, so we saw very little of the slides.",
        "Remind me to return the visitor badge.",
        "I could not find a parking space and left the car behind the station.",
        "We did not talk about prices, and I think that was wise.",
        "They were friendly, but nobody promised anything.",
        "There was a dog in reception, asleep the whole time.",
        "I took a wrong turn at the road works and saw more of the country than planned.",
        "The canteen closes at two, which I learned at five past.",
        "They gave me a pen that does not write.",
        "We agreed to talk again after the holidays.",
        "The heating was broken, so everyone kept their coats on.",
        "Someone had parked across the gate, which cost us ten minutes.",
    ),
)

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
ROOMS = ("the small meeting room", "the library", "the canteen", "the entrance hall", "room four")

PAIRS: dict[str, tuple[str, ...]] = {
    "headquarters": (
        "{a_name} runs its affairs from {a_city}, {b_name} from {b_city}.",
        "The main offices are a day apart by rail: {a_name} in {a_city}, {b_name} in {b_city}.",
        "Visitors to {a_name} book a room in {a_city}; for {b_name} they go on to {b_city}, since "
        "the main offices are there.",
    ),
    "founder": (
        "{a_name} was founded by {a_founder}, while {b_name} was founded by {b_founder}.",
        "The two founders never met: {a_founder} built up {a_name}, {b_founder} built up {b_name}.",
        "Where {a_name} had {a_founder} for its founder, {b_name} had {b_founder}.",
    ),
    "founding_year": (
        "On age, {a_name} counts from {a_year} and {b_name} from {b_year}.",
        "{a_name} opened its doors in {a_year}, {b_name} in {b_year}.",
        "The foundation of {a_name} falls in {a_year}, that of {b_name} in {b_year}.",
    ),
    "product": (
        "Buyers often weigh {a_product}, the flagship of {a_name}, against {b_product}, the "
        "flagship of {b_name}.",
        "{a_name} leads with {a_product}, whereas {b_name} puts {b_product} first.",
        "In the order books {a_product} comes first at {a_name} and {b_product} at {b_name}.",
    ),
    "research_head": (
        "Research is in the hands of {a_chief} for {a_name} and of {b_chief} for {b_name}.",
        "{a_chief} heads research for {a_name}; the same post in {b_name} belongs to {b_chief}.",
        "The laboratories differ in temper: {a_chief} directs research for {a_name}, {b_chief} for "
        "{b_name}.",
    ),
}

VISITOR_LINES = (
    "{name}: main office {city}; research guests ask for {chief}, head of research.",
    "{name}, {city}. {chief} (research) receives guests by appointment.",
    "For {name} travel to {city}; the research wing announces guests to {chief}, who heads it.",
)
ANNIVERSARY_LINES = (
    "{year}: {founder} founds {name}, now known for {product}.",
    "{name}, maker of {product}, remembers {founder}, who opened it in {year}.",
    "Founder {founder}, {name}, {year}; a card with a picture of {product} would be nice.",
)
