"""Businesses that a page names: how their names and addresses are written, and whose name stands at its top."""

from __future__ import annotations

import re
from functools import cached_property
from typing import NamedTuple

from octavo.page.index import PageIndex, runs_of
from octavo.page.lines import same_row

# A neighbour within this gap, in multiples of the height, belongs to the same phrase.
PHRASE_GAP = 1.2

# Runs that end a business's name, in the countries whose documents we meet.
_LEGAL = frozenset({
    "ag", "kg", "kgaa", "ug", "gmbh", "mbh", "ohg", "gbr", "ev", "ltd", "limited", "inc", "incorporated", "llc", "llp", "lp", "plc",
    "corp", "corporation", "bhd", "bv", "nv", "vof", "sa", "sas", "sarl", "sasu", "eurl", "spa", "srl", "pte", "pty", "oy", "oyj",
    "ab", "aps", "as", "asa", "kft", "zrt", "sro", "doo",
})
_LEGAL_PAIRS = frozenset({("s", "b"), ("b", "v"), ("n", "v"), ("s", "a"), ("a", "g"), ("e", "v"), ("e", "k"), ("co", "kg"), ("gmbh", "co")})
# Nouns of trades that small businesses, which have no legal form, put into their names.
_TRADES = frozenset({
    "restaurant", "restoran", "cafe", "kopitiam", "bakery", "bistro", "hardware", "supermarket", "minimarket", "mart", "market",
    "stationery", "pharmacy", "farmasi", "clinic", "klinik", "shop", "store", "stores", "kedai", "pasar", "syarikat", "perniagaan",
    "enterprise", "trading", "hotel", "petroleum", "petrol", "supply", "supplies", "grocers", "grocery", "bookstore", "gallery",
    "motors", "workshop", "salon", "seafood", "boutique", "butcher", "florist", "garage", "apotheke", "bäckerei", "boulangerie",
    "pharmacie", "winkel",
})
_TELLING = _LEGAL | _TRADES | {pair[-1] for pair in _LEGAL_PAIRS}
# Says that the business and its owner, who may both be called the seller, are told apart.
_OWNER = re.compile(r"\b(?:owned|operated|managed)\s+(?:and\s+\w+\s+)?by\b|\btrading\s+as\b|\bd[./]?b[./]?a\b[.:]?|\bt/a\b", re.IGNORECASE)
# A digit that OCR may have read for a letter, right between letters.
_DIGIT_FOR_LETTER = re.compile(r"[^\W\d_][.'’]?[0158]{1,2}(?=[.'’]?[^\W\d_])")


def is_legal(runs: tuple[str, ...]) -> bool:
    """Whether runs of letters and digits end with a legal form."""
    return bool(runs) and (runs[-1] in _LEGAL or runs[-2:] in _LEGAL_PAIRS)


def is_trade(runs: tuple[str, ...]) -> bool:
    """Whether one of the runs names a trade."""
    return not _TRADES.isdisjoint(runs)


def is_misread(text: str) -> bool:
    """Whether a word of a name mixes letters with digits that look like letters: ``D.1.Y.``."""
    return bool(_DIGIT_FOR_LETTER.search(text))


class Business(NamedTuple):
    """A phrase that ends with a legal form, or holds the noun of a trade: its first line's top, its words and their runs."""

    top: int
    words: tuple[int, ...]
    runs: tuple[str, ...]
    legal: bool


class Businesses:
    """What one page says of businesses."""

    def __init__(self, index: PageIndex) -> None:
        self._index = index

    @cached_property
    def has_owner(self) -> bool:
        """Whether the page tells a business and its owner apart."""
        return bool(_OWNER.search(" ".join(self._index.texts)))

    @cached_property
    def _named(self) -> list[Business]:
        """Every phrase of the page that names a business by its form, from the top down."""
        index = self._index
        stream = index.stream
        found: dict[tuple[int, ...], Business] = {}
        for i in sorted({stream.words[n] for run in stream.first.keys() & _TELLING for n in stream.first[run]}):
            own = runs_of(index.texts[i])
            before = (i - 1, i) if i and index.lines[i - 1] == index.lines[i] else (i,)
            legal = is_legal(tuple(run for n in before for run in runs_of(index.texts[n])))
            if legal or is_trade(own):
                words = self._phrase(i, ends=legal)
                runs = tuple(run for n in words for run in runs_of(index.texts[n]))
                found.setdefault(words, Business(index.boxes[words[0]].y0, words, runs, legal))
        return sorted(found.values(), key=lambda one: (one.top, one.words))

    def _phrase(self, i: int, ends: bool) -> tuple[int, ...]:
        """The words that stand tightly together on a line with word ``i``; up to it where it ``ends`` the phrase."""
        index, first, last = self._index, i, i
        while first and self._together(first - 1, first):
            first -= 1
        while not ends and last + 1 < len(index.texts) and self._together(last, last + 1):
            last += 1
        return tuple(range(first, last + 1))

    def _together(self, left: int, right: int) -> bool:
        one, other = self._index.boxes[left], self._index.boxes[right]
        return self._index.lines[left] == self._index.lines[right] and same_row(one, other) \
            and other.x0 - one.x1 <= PHRASE_GAP * max(1, min(one.height, other.height))

    def rival_of(self, words: tuple[int, ...]) -> str:
        """Another name on the page that may be the sender's as well; empty for none.

        For a name with a legal form that is one above it; for any other it is one with a legal form, wherever it stands.
        """
        index = self._index
        own = tuple(run for i in words for run in runs_of(index.texts[i]))
        legal, joined, top = is_legal(own), "".join(own), index.boxes[words[0]].y0
        for one in self._named:
            other = "".join(one.runs)
            above = one.words[-1] < words[0] and one.top < top
            if not set(one.words).isdisjoint(words) or other in joined or (joined in other and not one.legal):
                continue
            if above if legal else (one.legal or above):
                return " ".join(index.texts[i] for i in one.words)
        return ""


LEGAL_FORM = re.compile(
    r"s[do0]n\.?\s?b[hi][do]\.?(?!\w)|(?<!\w)(?:s/b|bhd\.?|berhad|pte\.?|plt|enterprise|ent\.?|trading|ltd\.?|limited|llc|llp|inc\.?|corp\.?|corporation|plc|"
    r"gmbh(?:\s?&\s?co\.?(?:\s?kg)?)?|ag|kg|ohg|ug|e\.\s?k\.|e\.\s?v\.|a\.\s?g\.|gbr|se|sarl|s\.?a\.?r\.?l\.?|sas|s\.a\.s\.?|s\.a\.?|eurl|"
    r"b\.?\s?v\.?|n\.\s?v\.|vof|bvba|s\.?r\.?l\.?|s\.?p\.?a\.?|a/s|aps|oy|ab|s\.l\.|ltda|pty|co)(?!\w)",
    re.IGNORECASE,
)
TRADE = re.compile(
    r"\b(?:restaurant|restoran|cafe|kopitiam|bakery|bakeries|hardware|supermarket|market|mart|mini|stationery|pharmacy|clinic|klinik|shop|store|"
    r"stores|kedai|pasar|syarikat|perniagaan|services?|hotel|petro\w*|station|supply|suppl\w+|foods?|house|centre|center|gallery|motors?|hair|books?)\b",
    re.IGNORECASE,
)
TITLE = re.compile(
    r"\b(?:tax\s*invoice|invoice|receipt|resit|rechnung|quittung|facture|factuur|fattura|factura|avoir|gutschrift|credit\s*note|cash\s*(?:bill|sales?)|"
    r"bill|statement|order|quotation|copy|duplicate|original|summary|details?|welcome|thank|page|seite|table|cashier|customer|member|www|http)\b",
    re.IGNORECASE,
)
REGISTRATION = re.compile(
    r"\b(?:gst|sst|roc|brn|reg|regn|registration|company|co|vat|ust|tax|siret|siren|tva|ape|btw|kvk|hrb|tin|ein|id)\b\W*(?:\b(?:reg|id|tax)\b\W*)*"
    r"(?:\b(?:no|nr|num\w*|id|reg\w*)\b|#|:)|\b(?:gst|sst|vat|ust|tva|btw|hrb|kvk)\b\W*(?:[a-z]{2})?\d{5,}|\b(?:steuer|ust)\W?(?:nr|id|nummer)\w*"
    r"|^\W*[a-z]{0,3}\d{4,}\s*-?\s*[a-z]?\d?\W*$",
    re.IGNORECASE,
)
CONTACT = re.compile(
    r"\b(?:tel\w*|fax|phone|ph|hp|h/p|mobile|hotline|e-?mail|website|www|http\w*|tél\w*)\b\s*[.:/+\d(]"
    r"|@|www\.|\.com\b|tel\s*[:.]|fax\s*[:.]",
    re.IGNORECASE,
)
ADDRESS = re.compile(
    r"\b(?:jalan\w*|jln\w*|jl|lot\s?\d*|taman\w*|tmn|lorong|lrg|kampung|kg|bandar|persiaran|kawasan|blok|block|level|floor|tingkat|unit|plaza|mall|wisma|menara|"
    r"bangunan|seksyen|section|batu|off|street|st|road|rd|avenue|ave|lane|drive|dr|boulevard|blvd|highway|hwy|suite|ste|p\.?\s?o\.?\s?box|\w*stra(?:ß|ss)e|\w*str\.|\w{4,}weg|"
    r"\w*platz|\w*allee|\w*gasse|postfach|rue|chemin|cours|quai|\w*straat|\w*laan|\w*plein|\w*kade|postbus|via|calle|avenida)(?!\w)|"
    r"\bno\s?[.,:]?\s?\d+[a-z]?\b|^\W*[a-z]?-?\d+[a-z]?(?:[-/&]\d+[a-z]?)*\s?,|(?<![\d-])\d{5}(?![\d-])|\b\d{4}\s?[A-Z]{2}\b|\b[A-Z]{2}\s+\d{5}\b",
    re.IGNORECASE,
)
# Nouns that end or head the labels of forms, in the languages of the contracts.
_LABEL_WORD = re.compile(
    r"^(?:date|dates|datum|number|no|nr|num|id|code|codes|type|name|address|adresse|ref|reference|revision|rev|amount|total|totals|period|contact|phone|"
    r"telephone|fax|e-?mail|terms|page|agency|buyer|product|products|salesperson|description|quantity|qty|price|rate|status|office|region|class|"
    r"category|estimate|schedule|calendar|cycle|executive|invoice|order|contract|demo|demographic|market|station|title|signature|department|dept|"
    r"subject|seite|nummer|name|telefon|betrag|menge|preis|montant|prix|quantité|téléphone|aantal|prijs|bedrag|#)$",
    re.IGNORECASE,
)
# Most words of a text that may be taken for a label.
LONGEST_LABEL_TEXT = 5


def reads_like_label(text: str) -> bool:
    """Whether a text is more likely a label than a value: it ends with a colon, or is short, has no digit and ends with a label's noun."""
    if text.rstrip().endswith(":"):
        return True
    words = [word.strip("().,:;*") for word in re.split(r"[\s/]+", text) if word.strip("().,:;*")]
    if not words or len(words) > LONGEST_LABEL_TEXT or any(c.isdigit() for c in text):
        return False
    return bool(_LABEL_WORD.match(words[-1]))
