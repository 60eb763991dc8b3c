"""How businesses are named and addresses written: words that tell a header's lines apart, in the languages of the contracts."""

from __future__ import annotations

import re

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
