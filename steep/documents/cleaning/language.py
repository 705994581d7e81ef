"""Which language a document is in, told from its script and its commonest words.

Where a script belongs to one language the letters say it. Languages that share one are told apart
by words such as "the" or "und", which make up a third of any running text in them. Nothing is
guessed: without clear evidence (a table, a short title, code) the answer is None.
"""

from __future__ import annotations

import functools
import unicodedata
from collections import Counter, defaultdict
from itertools import islice

_SAMPLE_CHARACTERS = 1_000
_SAMPLES = 3
"""Of a longer text: at its beginning, middle and end, as a licence may stand before it."""
_NO_MARKS = str.maketrans(dict.fromkeys('.,;:!?()"«»“”„…।۔،؛؟', " "))
_FEWEST_LETTERS = 8
_CLEAR = 0.06  # of the words must be common ones of the language
_FEWEST_COMMON = 3  # different ones, unless one is no other language's ("a" and "is" are several's)
_LEAD = 1.25  # times as many as of the next language

# Script (first word of the letters' Unicode names) to language, where it has one.
_BY_SCRIPT = {
    "HANGUL": "ko", "THAI": "th", "LAO": "lo", "MYANMAR": "my", "KHMER": "km", "GREEK": "el",
    "HEBREW": "he", "GEORGIAN": "ka", "ARMENIAN": "hy", "BENGALI": "bn", "TAMIL": "ta",
    "TELUGU": "te", "KANNADA": "kn", "MALAYALAM": "ml", "GUJARATI": "gu", "GURMUKHI": "pa",
    "ORIYA": "or", "SINHALA": "si", "ETHIOPIC": "am", "TIBETAN": "bo", "HIRAGANA": "ja",
    "KATAKANA": "ja", "CJK": "zh",
}  # fmt: skip
_JAPANESE_KANA = 0.05  # of the letters; Chinese has none

_COMMON = {
    "LATIN": {
        "en": "the of and to in is was for that with as his on be at by this are from or which",
        "de": "der die und das den von zu mit sich des auf für ist im dem nicht ein eine als auch",
        "fr": "le la les et des en un une du est que pour dans qui par sur au avec ne pas ce il",
        "es": "el la los las de que y en un una por con para del se es no su como más al lo",
        "pt": "o a os as de que e do da em um uma para com não por mais dos das na no se ao foi",
        "it": "il la di che e è un una per in del della non con si le i da sono nel gli alla come",
        "nl": "de het een van en in is dat op te zijn met voor niet aan er om ook als door naar",
        "sv": "och att det som en på är av för med till den har inte om ett han men var sig från",
        "da": "og at det er en til på som med for den af ikke der et har de jeg også blev eller",
        "nb": "og det er en til på som med for av ikke den at et har jeg også ble eller fra etter",
        "fi": "ja on ei se että oli hän mutta kun niin joka myös ovat tai kuin sen hänen",
        "pl": "i w na z się nie do to że jest o jak po za od przez dla ale są oraz który był",
        "cs": "a v se na je že s z do o i jako pro ale by jsou byl tak za podle které od po",
        "hu": "a az és hogy nem is egy van ez meg volt csak mint már vagy még de ha el ki",
        "ro": "și de în la a cu pe nu că care din o un este mai pentru au fost sau ca prin",
        "tr": "ve bir bu da de için ile çok olarak daha olan gibi ne kadar sonra ancak ya her",
        "id": "yang dan di dengan untuk dari pada ini itu dalam tidak akan adalah ke oleh juga",
        "vi": "và của là có được cho trong không một các với người những này để khi đã từ về",
        "ca": "la de el i a és en que per les els un una del amb al va l'any aquest aquesta són "
        "seva com més també des fins dels ser però on",
        "gl": "a de o e que en unha do da os un as con para por se na no non dos das é máis ao "
        "como foi ou pola",
        "af": "die en van in is het vir wat nie met op as deur om sy hulle ook kan 'n was word",
        "hr": "je i u na se za su od da s iz kao koji koja bio a ili po te što nije to sa do",
        "sk": "a v na je sa s z do že o ako pre aj boli od po tiež bol ktorý nie bola zo za alebo "
        "to",
        "sl": "je in v na se za so da s z ki od po tudi bil kot pa bila ali o do ni med",
        "et": "ja on et ei see oli ta mis ka kui ning või oma aga tema välja aasta pärast mida "
        "olid kes üks",
        "sw": "ya na wa kwa ni katika za la kuwa hii yake pia cha au kama hiyo",
    },
    "CYRILLIC": {
        "ru": "и в не на что с он как это по но из у за от для его было бы то был или к",
        "uk": "і в не на що з він як це та до від за для його була було але або є й у про",
        "bg": "и на в да се не за от е с че по са като това до или беше към който има",
        "sr": "и у је да се на за од не са који су као што то али или из био",
    },
    "ARABIC": {
        "ar": "في من على إلى أن التي عن هذا الذي هذه مع كان أو بعد ما لا كما بين ذلك قد",
        "fa": "و در به از که را این با است برای آن یک می تا بر بود شد های هم نیز",
        "ur": "کے کی میں ہے اور سے کا کو اس پر نے ہیں کہ تھا نہیں یہ ایک بھی گیا جو",
    },
    "DEVANAGARI": {
        "hi": "के में है की और से का को कि पर यह ने हैं एक भी नहीं था वह लिए हो इस थी",
        "mr": "आणि आहे या व तो ते ती मध्ये होते नाही हे त्या एक होता आहेत येथे करून असे त्याच्या झाले",
        "ne": "छ र मा को हो यो पनि छन् थियो लागि एक गर्न भएको गरेको तथा नेपाल हुन् यस भने तर",
    },
}  # fmt: skip


def language_of(text: str) -> str | None:
    """The language of a text as a BCP 47 tag, or None where it isn't clear."""
    told = Counter(filter(None, map(_language_of_sample, _samples(text))))
    ranked = told.most_common(2)
    is_split = len(ranked) > 1 and ranked[0][1] == ranked[1][1]
    return ranked[0][0] if ranked and not is_split else None


def _samples(text: str) -> list[str]:
    if len(text) <= _SAMPLE_CHARACTERS:
        return [text]
    left = len(text) - _SAMPLE_CHARACTERS
    starts = (left * place // (_SAMPLES - 1) for place in range(_SAMPLES))
    return [text[start : start + _SAMPLE_CHARACTERS] for start in starts]


def _language_of_sample(sample: str) -> str | None:
    script, share_of_kana = _script(sample)
    if script is None:
        return None
    if script == "CJK" and share_of_kana > _JAPANESE_KANA:
        return "ja"
    return _BY_SCRIPT.get(script) or _by_words(sample, script)


def _script(sample: str) -> tuple[str | None, float]:
    """The script of most letters (None: too few), and what share of them is kana."""
    if sample.isascii():
        letters = islice(filter(str.isalpha, sample), _FEWEST_LETTERS)
        return ("LATIN" if len(list(letters)) == _FEWEST_LETTERS else None), 0.0
    scripts: Counter[str] = Counter()
    for character, count in Counter(sample).items():
        if character.isalpha():
            scripts[_script_of(character)] += count
    total = sum(scripts.values())
    if total < _FEWEST_LETTERS:
        return None, 0.0
    kana = scripts["HIRAGANA"] + scripts["KATAKANA"]
    most, count = scripts.most_common(1)[0]
    return (most if 2 * count > total or kana else None), kana / total


@functools.cache
def _script_of(character: str) -> str:
    return unicodedata.name(character, "").split(" ")[0].split("-")[0]


@functools.cache
def _languages_of(script: str) -> dict[str, tuple[str, ...]]:
    """The languages of each common word."""
    owners: dict[str, tuple[str, ...]] = {}
    for language, words in _COMMON.get(script, {}).items():
        for word in words.split():
            owners[word] = (*owners.get(word, ()), language)
    return owners


def _by_words(sample: str, script: str) -> str | None:
    owners = _languages_of(script)
    words = sample.casefold().translate(_NO_MARKS).split()
    counts: defaultdict[str, int] = defaultdict(int)
    different: defaultdict[str, int] = defaultdict(int)
    weights: defaultdict[str, float] = defaultdict(float)
    for word, times in Counter(words).items():
        sharing = owners.get(word, ())
        for language in sharing:
            counts[language] += times
            different[language] += 1 if len(sharing) > 1 else _FEWEST_COMMON
            # A word that many languages have says little about which of them it is.
            weights[language] += times / len(sharing)
    ranked = sorted(weights, key=lambda language: -weights[language])
    if not ranked or different[ranked[0]] < _FEWEST_COMMON:
        return None
    if counts[ranked[0]] < max(_FEWEST_COMMON, _CLEAR * len(words)):
        return None
    is_clear = len(ranked) == 1 or weights[ranked[0]] >= _LEAD * weights[ranked[1]]
    return ranked[0] if is_clear else None
