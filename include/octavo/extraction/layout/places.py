"""Fields that carry no label: a company at the top, its address below it, the first date, the total at the bottom.

Nothing here knows a template. What is known is how companies are named, how addresses are written and
that receipts and letters begin with who wrote them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from statistics import median

from octavo import lines
from octavo.contracts import FieldSpec, Kind, Place
from octavo.extraction.layout import typed
from octavo.extraction.layout.candidates import MOST_ALTERNATIVES, PLACED, Candidate, View, amount, amounts, trimmed
from octavo.lines import Segment

# Lines from the top among which the company is looked for, and the share of the page's height they may take.
HEADER_LINES, HEADER_SHARE = 16, 0.5
# Most lines of one address, and the vertical gap that ends it, in line heights.
ADDRESS_LINES, ADDRESS_GAP = 7, 2.2

LEGAL_FORM = re.compile(
    r"(?<!\w)(?:sdn\.?\s?bhd\.?|s/b|bhd\.?|berhad|pte\.?|plt|enterprise|ent\.?|trading|ltd\.?|limited|llc|llp|inc\.?|corp\.?|corporation|plc|"
    r"gmbh(?:\s?&\s?co\.?(?:\s?kg)?)?|ag|kg|ohg|ug|e\.\s?k\.|e\.\s?v\.|a\.\s?g\.|gbr|se|sarl|s\.?a\.?r\.?l\.?|sas|s\.a\.s\.?|s\.a\.?|eurl|"
    r"b\.?\s?v\.?|n\.\s?v\.|vof|bvba|s\.?r\.?l\.?|s\.?p\.?a\.?|a/s|aps|oy|ab|s\.l\.|ltda|pty|co)(?!\w)",
    re.IGNORECASE,
)
LEGAL_ONLY = re.compile(rf"^\W*(?:\([^)\d]*\)\s*)?(?:{LEGAL_FORM.pattern}[\s.,]*)+(?:\([^)]*\)\W*)?$", re.IGNORECASE)
TRADE = re.compile(
    r"\b(?:restaurant|restoran|cafe|kopitiam|bakery|bakeries|hardware|supermarket|market|mart|mini|stationery|pharmacy|clinic|klinik|shop|store|"
    r"stores|kedai|pasar|syarikat|perniagaan|services?|hotel|petro\w*|station|supply|suppl\w+|foods?|house|centre|center|gallery|motors?|hair|books?)\b",
    re.IGNORECASE,
)
TITLE = re.compile(
    r"\b(?:tax\s*invoice|invoice|receipt|resit|rechnung|quittung|facture|factuur|fattura|factura|avoir|gutschrift|credit\s*note|cash\s*(?:bill|sales?)|"
    r"bill|statement|order|quotation|copy|duplicate|original|welcome|thank|page|seite|table|cashier|customer|member|www|http)\b",
    re.IGNORECASE,
)
REGISTRATION = re.compile(
    r"\b(?:gst|sst|roc|brn|reg|regn|registration|company|co|vat|ust|steuer\w*|siret|siren|tva|ape|btw|kvk|hrb|tin|ein|id)\b[^a-z]{0,8}(?:no|reg|id|nr|num\w*|#|:)?"
    r"[^a-z]*\d|^\W*\(?\s*\d{4,}\s*-?\s*[a-z]?\W*$|^\W*\(?[a-z]{0,3}\d{6,}\s*-\s*[a-z0-9]\W*$",
    re.IGNORECASE,
)
CONTACT = re.compile(
    r"\b(?:tel\w*|fax|phone|ph|hp|h/p|mobile|hotline|e-?mail|website|www|http\w*|tél\w*)\b\s*[.:/+\d(]"
    r"|@|www\.|\.com\b|tel\s*[:.]|fax\s*[:.]",
    re.IGNORECASE,
)
ADDRESS = re.compile(
    r"\b(?:jalan|jln|jl|lot|taman|tmn|lorong|lrg|kampung|kg|bandar|persiaran|kawasan|blok|block|level|floor|tingkat|unit|plaza|mall|wisma|menara|"
    r"bangunan|seksyen|section|batu|off|street|st|road|rd|avenue|ave|lane|drive|dr|boulevard|blvd|highway|hwy|suite|ste|p\.?\s?o\.?\s?box|\w*stra(?:ß|ss)e|\w*str\.|\w{4,}weg|"
    r"\w*platz|\w*allee|\w*gasse|postfach|rue|chemin|cours|quai|\w*straat|\w*laan|\w*plein|\w*kade|postbus|via|calle|avenida)(?!\w)|"
    r"\bno\s?[.,:]?\s?\d+[a-z]?\b|^\W*\d+[a-z]?(?:[-/&]\d+)*\s?,|(?<![\d-])\d{5}(?![\d-])|\b\d{4}\s?[A-Z]{2}\b|\b[A-Z]{2}\s+\d{5}\b",
    re.IGNORECASE,
)
_NUMBERED = re.compile(
    r"\s*[(\[]\s*(?:[^()\[\]]*\d{3}[^()\[\]]*)[)\]]?\s*.*$|\s+(?:co|company|reg|roc|gst)\W*(?:reg\W*)?(?:no|id)\b.*$",
    re.IGNORECASE,
)
_OPEN_END = ("&", "-", " and", " AND")   # a name that goes on in the next line


@dataclass(frozen=True, slots=True)
class _Name:
    """A name that may be the company's: its segments, and its score."""

    parts: tuple[Segment, ...]
    score: float


def placed(view: View, spec: FieldSpec) -> list[Candidate]:
    """Candidates of a field by its place alone, best first; only the first page has a top."""
    first = view.page.number == 1
    match spec.place:
        case Place.TOP if spec.type is Kind.DATE and first:
            return _first_typed(view, spec)
        case Place.TOP if first:
            return company(view)
        case Place.AFTER_COMPANY if first:
            return address(view)
        case Place.BOTTOM:
            return _amounts_at_bottom(view)
        case _:
            return []


def header(view: View) -> list[Segment]:
    """The segments of the page's top lines."""
    bottom = view.lines[0].box.y0 + HEADER_SHARE * view.page.height if view.lines else 0
    return [part for line in view.lines[:HEADER_LINES] if line.box.y0 <= bottom for part in line.segments]


def company(view: View) -> list[Candidate]:
    """Names at the top of the page, most company-like first."""
    names = [name for name in (_name(view, parts) for parts in _stacks(view)) if name is not None]
    names.sort(key=lambda name: (-name.score, name.parts[0].box.y0, name.parts[0].box.x0))
    found = []
    for name in names[:MOST_ALTERNATIVES]:
        words = [i for part in name.parts for i in part.words]
        cut = _without_number(view, words)
        if cut is not None:
            found.append(Candidate(cut.text, cut.words, round(PLACED * max(0.1, name.score), 4)))
    return found


def _stacks(view: View) -> list[tuple[Segment, ...]]:
    """Each header segment, with the next line's where that only completes the name (``SDN BHD``)."""
    parts = header(view)
    stacks: list[tuple[Segment, ...]] = []
    for n, part in enumerate(parts):
        following = next((p for p in parts[n + 1:] if p.box.y0 > part.box.y0 + part.box.height // 2 and _stacked(part, p)), None)
        goes_on = following is not None and (LEGAL_ONLY.match(following.text) or part.text.rstrip().endswith(_OPEN_END))
        if following is not None and goes_on and not LEGAL_ONLY.match(part.text):
            stacks.append((part, following))
        else:
            stacks.append((part,))
    return stacks


def _stacked(upper: Segment, lower: Segment) -> bool:
    gap = lower.box.y0 - upper.box.y1
    return gap < 1.2 * max(upper.box.height, lower.box.height) and lines.overlap(upper.box.x0, upper.box.x1, lower.box.x0, lower.box.x1) > 0


def _name(view: View, parts: tuple[Segment, ...]) -> _Name | None:
    text = " ".join(part.text for part in parts)
    letters = sum(c.isalpha() for c in text)
    if letters < 3 or letters < 0.4 * len(text.replace(" ", "")) or text.rstrip().endswith(":"):
        return None
    if typed.date_pattern().search(text) or set(parts[0].words) & view.label_words:
        return None
    bare = _NUMBERED.sub("", text)
    if sum(c.isalpha() for c in bare) < 3:
        return None
    legal, trade = bool(LEGAL_FORM.search(bare)), bool(TRADE.search(bare))
    score = 1.0 + legal + 0.4 * trade + 0.3 * (bare.upper() == bare)
    score -= 1.5 * bool(CONTACT.search(text)) + 1.0 * bool(TITLE.search(bare))
    if ADDRESS.search(bare):
        score -= 0.5 if legal else 1.2
    if not legal and REGISTRATION.search(text) and not trade:
        score -= 0.6
    top = [line for line in view.lines[:HEADER_LINES] if line.box.y1 <= parts[0].box.y0 + parts[0].box.height // 2]
    score -= 0.06 * len(top)
    score += 0.3 * min(1.5, max(0.0, median(p.box.height for p in parts) / view.height - 1))
    following = [line for line in view.lines if line.box.y0 > parts[-1].box.y0 + parts[-1].box.height // 2][:2]
    if following and any(ADDRESS.search(line.text) or REGISTRATION.search(line.text) for line in following[:1]):
        score += 0.4
    return _Name(parts, score)


def _without_number(view: View, words: list[int]) -> Candidate | None:
    """The name without the registration number printed behind it."""
    run = typed.Run(view.page, words)
    bare = _NUMBERED.sub("", run.text)
    _, covered, _ = run.cut(0, max(1, len(bare)))
    cut = trimmed(view.page, covered)
    if cut is None:
        return None
    # the number may be glued to the name's last word
    text = cut.text[:len(bare.strip())] if len(bare.strip()) < len(cut.text) else cut.text
    return Candidate(text.strip(" -,"), cut.words, cut.score)


def address(view: View) -> list[Candidate]:
    """Runs of lines at the top that read like an address, the one right below the company first."""
    parts = header(view)
    names = company(view)
    start = min((view.page.words[i].box.y0 for i in names[0].words), default=0) if names else 0
    best: list[tuple[float, list[Segment]]] = []
    used: set[int] = set()
    for n, part in enumerate(parts):
        if part.words[0] in used or not _address_line(view, part):
            continue
        block = _block(view, parts, n)
        used.update(word for piece in block for word in piece.words)
        likeness = sum(bool(ADDRESS.search(piece.text)) for piece in block)
        distance = abs(block[0].box.y0 - start) / max(1.0, view.height)
        best.append((min(3, likeness) + 0.3 * min(4, len(block)) - 0.1 * min(20.0, distance), block))
    best.sort(key=lambda b: (-b[0], b[1][0].box.y0, b[1][0].box.x0))
    found = []
    for score, block in best[:2]:
        cut = trimmed(view.page, [word for piece in block for word in piece.words])
        if cut is not None:
            found.append(Candidate(cut.text, cut.words, round(PLACED * max(0.1, score), 4)))
    return found


def _address_line(view: View, part: Segment) -> bool:
    text = part.text
    return bool(ADDRESS.search(text)) and not _ends_address(view, part) and not LEGAL_FORM.search(_NUMBERED.sub("", text))


def _ends_address(view: View, part: Segment) -> bool:
    text = part.text
    if CONTACT.search(text) or typed.date_pattern().search(text) or typed.MONEY.search(text):
        return True
    if text.rstrip().endswith(":") or (TITLE.search(text) and not ADDRESS.search(text)):
        return True
    return bool(REGISTRATION.search(text) and not re.search(r"\d{5}\s+\w", text) and not ADDRESS.search(text))


def _block(view: View, parts: list[Segment], start: int) -> list[Segment]:
    """The segments below ``parts[start]`` in its column until something that is no address."""
    block = [parts[start]]
    for part in parts[start + 1:]:
        last = block[-1]
        if lines.same_row(last.box, part.box):
            # a second piece of the same line belongs to it when it is close
            if part.box.x0 - last.box.x1 < 3 * view.height and not _ends_address(view, part) and part.box.x0 >= last.box.x1:
                block.append(part)
            continue
        if all(lines.overlap(piece.box.x0, piece.box.x1, part.box.x0, part.box.x1) <= 0 for piece in (block[0], last)):
            continue
        if part.box.y0 - last.box.y1 > ADDRESS_GAP * view.height or _ends_address(view, part) or len(block) >= ADDRESS_LINES:
            break
        block.append(part)
    return block


def _first_typed(view: View, spec: FieldSpec) -> list[Candidate]:
    found = [match for line in view.lines for match in typed.matches(typed.Run(view.page, line.words), spec.type, view.locale)]
    return [Candidate(m.text, m.words, PLACED / (1 + n)) for n, m in enumerate(found[:2])]


def _amounts_at_bottom(view: View) -> list[Candidate]:
    """The largest amounts of the lower half that stand there twice, or else the largest one."""
    middle = view.page.height // 2
    every = [(value, words) for value, words in amounts(view) if value > 0 and view.page.words[words[0]].box.y0 >= middle]
    values = [value for value, _ in every]
    every.sort(key=lambda found: (-min(2, values.count(found[0])), -found[0]))
    found: list[Candidate] = []
    for _, words in every[:2]:
        cut = next(iter(typed.matches(typed.Run(view.page, words), Kind.MONEY, view.locale)), None)
        if cut is not None and amount(cut.text):
            found.append(Candidate(cut.text, cut.words, PLACED / (2 + len(found))))
    return found
