"""Fields that carry no label: a company at the top, its address below it, the first date, the total at the bottom.

Nothing here knows a template. What is known is how companies are named, how addresses are written and
that receipts and letters begin with who wrote them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from statistics import median

from octavo.extraction.rules.ranking import MOST_ALTERNATIVES, ranked, swapped
from octavo.extraction.rules.scalars import PLACED
from octavo.model.contracts import FieldSpec, Kind, Place
from octavo.page import lines, typed
from octavo.page.businesses import business_words, has_legal_form
from octavo.page.lines import Segment
from octavo.page.money import amount, confirmed
from octavo.page.view import Proposal, View, trimmed

# Lines from the top among which the company is looked for, and the share of the page's height they may take.
HEADER_LINES, HEADER_SHARE = 16, 0.5
# What being the largest amount of the page counts against what arithmetic says.
SIZE = 0.2
# Most lines of one name.
MOST_NAME_LINES = 3
# Most lines of one address, and the vertical gap that ends it, in line heights.
ADDRESS_LINES, ADDRESS_GAP = 7, 2.2

_BRACKETS = re.compile(r"\([^)]*\)")
_NUMBERED = re.compile(r"\s*[(（\[]\s*(?:[^()\[\]]*\d{3}[^()\[\]]*)[)）\]]?\s*.*$|\s+\d{4,}\s?-?\s?[a-z]?\s*$", re.IGNORECASE)
_OPEN_END = ("&", "-", " and", " AND")   # a name that goes on in the next line


_SEPARATOR = re.compile(r"\s+[-–—·•|*]+\s+|,\s+|\s+[·•|]\s*")
CLOCK = re.compile(r"\b\d{1,2}:\d{2}")


@dataclass(frozen=True, slots=True)
class _Name:
    """A name that may be the company's: its segments, and its score."""

    parts: tuple[Segment, ...]
    score: float


def placed(view: View, spec: FieldSpec) -> list[Proposal]:
    """Candidates of a field by its place alone, best first; only the first page of a record has a top."""
    first = view.has_top
    match spec.place:
        case Place.TOP if first and spec.type is Kind.DATE:
            return _first_date(view, spec)
        case Place.TOP if first and spec.type is not Kind.NAME:
            return _first_typed(view, spec)
        case Place.TOP if first:
            return company(view)
        case Place.AFTER_COMPANY if first:
            return address(view)
        case Place.BOTTOM if spec.type is not Kind.MONEY:
            return _last_typed(view, spec)
        case Place.BOTTOM:
            return _amounts_at_bottom(view, spec)
        case _:
            return []


def header(view: View) -> list[Segment]:
    """The segments of the page's top lines."""
    bottom = view.lines[0].box.y0 + HEADER_SHARE * view.page.height if view.lines else 0
    return [part for line in view.lines[:HEADER_LINES] if line.box.y0 <= bottom for part in line.segments]


def company(view: View) -> list[Proposal]:
    """Names at the top of the page, most company-like first."""
    names = [name for name in (_name(view, parts) for parts in _stacks(view)) if name is not None]
    names.sort(key=lambda name: (-name.score, name.parts[0].box.y0, name.parts[0].box.x0))
    found = []
    for name in names[:MOST_ALTERNATIVES]:
        words = [i for part in name.parts for i in part.words]
        cut = _without_number(view, words)
        if cut is not None:
            found.append(Proposal(cut.text, cut.words, round(PLACED * max(0.1, name.score), 4)))
    return found


def _stacks(view: View) -> list[tuple[Segment, ...]]:
    """Each header segment, with the next lines' where those only complete the name (``SDN BHD``, an open bracket)."""
    parts = header(view)
    stacks: list[tuple[Segment, ...]] = []
    for n, part in enumerate(parts):
        stack = [part]
        for lower in parts[n + 1:]:
            upper = stack[-1]
            if lower.box.y0 <= upper.box.y0 + upper.box.height // 2:
                continue
            if len(stack) == MOST_NAME_LINES or not _stacked(upper, lower) or not _goes_on(stack, lower):
                break
            stack.append(lower)
        stacks.append(tuple(stack))
    return stacks


def _goes_on(stack: Sequence[Segment], lower: Segment) -> bool:
    text = " ".join(part.text for part in stack)
    if _form_only(text):
        return False
    opened = text.count("(") > text.count(")") and ")" in lower.text
    rest = lower.text.partition(")")[2] if opened else lower.text
    words = business_words()
    starts = any(start == 0 for start, _ in words.legal_forms(lower.text)) and not words.registration.search(lower.text)
    return starts or _form_only(rest) or (opened and not rest.strip()) or text.rstrip().endswith(_OPEN_END)


def _form_only(text: str) -> bool:
    """Whether a line says nothing but a legal form or a trade: ``(M) SDN BHD``, ``CO. LTD``, ``TRADING``."""
    bare, words = _BRACKETS.sub(" ", _without_registration(text)), business_words()
    forms = [*words.legal_forms(bare), *(found.span() for found in words.trade.finditer(bare))]
    inside = {at for start, end in forms for at in range(start, end)}
    return bool(forms) and not any(char.isalnum() for at, char in enumerate(bare) if at not in inside)


def _without_registration(text: str) -> str:
    """A text up to the registration number in it."""
    bare = _NUMBERED.sub("", text)
    found = re.search(rf"\s+{business_words().numbered}", bare, re.IGNORECASE)
    return bare[:found.start()] if found else bare


def _stacked(upper: Segment, lower: Segment) -> bool:
    gap = lower.box.y0 - upper.box.y1
    return gap < 1.2 * max(upper.box.height, lower.box.height) and lines.overlap(upper.box.x0, upper.box.x1, lower.box.x0, lower.box.x1) > 0


def _name(view: View, parts: tuple[Segment, ...]) -> _Name | None:
    text = " ".join(part.text for part in parts)
    letters = sum(c.isalpha() for c in text)
    if letters < 3 or letters < 0.4 * len(text.replace(" ", "")) or text.rstrip().endswith(":"):
        return None
    if typed.has_date(text, view.locale) or parts[0].words[0] in view.label_words:
        return None
    bare = _name_text(text)
    if sum(c.isalpha() for c in bare) < 3:
        return None
    words = business_words()
    legal, trade = has_legal_form(bare), bool(words.trade.search(bare))
    score = 1.0 + legal + 0.4 * trade + 0.3 * (bare.upper() == bare)
    score -= 1.5 * bool(words.reached.search(text) and not legal) + bool(words.title.search(bare)) + bool(re.search(r"\w\s*:\s*\S", text))
    if words.address.search(bare):
        # "Harbour Lane Grocers" is a name, "14 Harbour Lane" none
        score -= 0.4 if legal or not re.search(r"\d", bare) else 1.2
    if words.registration.search(bare):
        score -= 1.2
    if bare.lstrip().startswith("("):
        score -= 0.5
    top = [line for line in view.lines[:HEADER_LINES] if line.box.y1 <= parts[0].box.y0 + parts[0].box.height // 2]
    score -= 0.06 * len(top)
    score += 0.3 * min(1.5, max(0.0, median(p.box.height for p in parts) / view.height - 1))
    following = [line for line in view.lines if line.box.y0 > parts[-1].box.y0 + parts[-1].box.height // 2][:2]
    if following and any(words.address.search(line.text) or words.registration.search(line.text) for line in following[:1]):
        score += 0.4
    return _Name(parts, score)


def _name_text(text: str) -> str:
    """A header line's name: without a registration number, a sender line's address, or the document's title."""
    bare, words = _without_registration(text), business_words()
    for separator in _SEPARATOR.finditer(bare):
        if words.address.search(bare[separator.end():]) or words.reached.search(bare[separator.end():]):
            bare = bare[:separator.start()]
            break
    untitled = re.sub(rf"^(?:{words.title.pattern}\W*)+|(?:\W*{words.title.pattern})+\W*$", "", bare, flags=re.IGNORECASE)
    return untitled if sum(c.isalpha() for c in untitled) >= 3 else bare


def _without_number(view: View, words: list[int]) -> Proposal | None:
    """The name alone, with the words it covers; the number behind it may be glued to its last word."""
    run = typed.Run(view.page, words)
    bare = _name_text(run.text).strip(" \t:;,|=–—_-*")
    if not any(c.isalnum() for c in bare):
        return None
    start = run.text.index(bare)
    text, covered, _ = run.cut(start, start + len(bare))
    return Proposal(text, covered, 1.0)


def address(view: View) -> list[Proposal]:
    """Runs of lines at the top that read like an address, the nearest below the company first."""
    parts = [part for part in header(view) if any(c.isalnum() for c in part.text)]
    names = company(view)
    name = set(names[0].words) if names else set()
    start = min((view.page.words[i].box.y0 for i in name), default=0)
    address_word = business_words().address
    best: list[tuple[float, list[Segment]]] = []
    used: set[int] = set(name)
    for n, part in enumerate(parts):
        numbered = n + 1 < len(parts) and re.match(r"\W*\d", parts[n + 1].text)
        named = not re.search(r"\d", part.text) and (has_legal_form(part.text) or numbered)
        if used.intersection(part.words) or not address_word.search(part.text) or named or _ends_address(view, part):
            continue
        block = _block(view, parts, _first_line(view, parts, n, used))
        used.update(word for piece in block for word in piece.words)
        likeness = sum(bool(address_word.search(piece.text)) for piece in block)
        distance = (block[0].box.y0 - start) / max(1.0, view.height)
        best.append((min(2, likeness) + 0.2 * min(3, len(block)) - 0.15 * min(12.0, abs(distance)), block))
    best.sort(key=lambda b: (-b[0], b[1][0].box.y0, b[1][0].box.x0))
    found = []
    for score, block in best[:2]:
        cut = trimmed(view.page, [word for piece in block for word in piece.words])
        if cut is not None:
            found.append(Proposal(cut.text, cut.words, round(PLACED * max(0.1, score), 4)))
    return found


def _ends_address(view: View, part: Segment) -> bool:
    text, words = part.text, business_words()
    if words.reached.search(text) or words.registration.search(text):
        return True
    if typed.has_date(text, view.locale) or typed.has_amount(text, view.locale):
        return True
    if re.fullmatch(r"\W*\([^()]*\)?\W*", text) or (":" in text and not words.number_first.match(text)):
        return True
    return bool(words.title.search(text)) and not words.address.search(text)


def _first_line(view: View, parts: Sequence[Segment], n: int, used: set[int]) -> int:
    """The first of the lines right above ``parts[n]`` that belong to the address: with a number or a comma in them."""
    while n > 0:
        upper = parts[n - 1]
        above = upper.box.y1 <= parts[n].box.y0 + parts[n].box.height // 2 and parts[n].box.y0 - upper.box.y1 <= ADDRESS_GAP * view.height
        if not above or used.intersection(upper.words) or _ends_address(view, upper) or has_legal_form(upper.text):
            break
        if not re.search(r"^\W*\w{0,3}\d|,\s*$", upper.text):
            break
        n -= 1
    return n


def _block(view: View, parts: Sequence[Segment], start: int) -> list[Segment]:
    """The segments below ``parts[start]`` in its column until something that is no address."""
    block = [parts[start]]
    for part in parts[start + 1:]:
        last = block[-1]
        if lines.same_row(last.box, part.box):
            # a second piece of the same line belongs to it when it is close
            if 0 <= part.box.x0 - last.box.x1 < 3 * view.height and not _ends_address(view, part):
                block.append(part)
            continue
        if all(lines.overlap(piece.box.x0, piece.box.x1, part.box.x0, part.box.x1) <= 0 for piece in (block[0], last)):
            continue
        if part.box.y0 - last.box.y1 > ADDRESS_GAP * view.height or len(block) >= ADDRESS_LINES:
            break
        if _ends_address(view, part):
            head = _before_contact(view, part)
            if head is not None and business_words().address.search(head.text):
                block.append(head)
            break
        if _complete(block) and not _finishes(part):
            break
        block.append(part)
    return block


def _before_contact(view: View, part: Segment) -> Segment | None:
    """What stands before a telephone number or the like in the same line."""
    run = typed.Run(view.page, part.words)
    found = business_words().reached.search(run.text) or business_words().registration.search(run.text)
    if not found or not run.text[:found.start()].strip():
        return None
    return lines.segment(view.page.words, run.cut(0, len(run.text[:found.start()].rstrip()))[1])


def _complete(block: Sequence[Segment]) -> bool:
    """Whether the address has its post code, so that at most a town or a country follows."""
    coded = any(re.search(r"(?<![\d-])\d{5}(?![\d-])", piece.text) for piece in block)
    return coded or (len(block) >= 2 and block[-1].text.rstrip().endswith("."))


def _finishes(part: Segment) -> bool:
    return not re.search(r"\d{5,}|#", part.text) and len(part.text.split()) <= 5


def _first_date(view: View, spec: FieldSpec) -> list[Proposal]:
    """The page's dates, those with a clock time beside them first, those that need month and day swapped last."""
    found = []
    for line in view.lines:
        run = view.run(line.words)
        timed = bool(CLOCK.search(run.text))
        found += [(swapped(m.text, view.locale), not timed, m) for m in typed.matches(run, spec.type, view.locale)]
    found.sort(key=lambda f: f[:2])
    return [Proposal(m.text, m.words, PLACED / (1 + n)) for n, (_, _, m) in enumerate(found[:3])]


def _first_typed(view: View, spec: FieldSpec) -> list[Proposal]:
    """Values of the kind from the top down."""
    every = [m for line in view.lines for m in view.matches(line, spec.type)]
    return [Proposal(m.text, m.words, PLACED / (1 + n)) for n, m in enumerate(every[:MOST_ALTERNATIVES])]


def _last_typed(view: View, spec: FieldSpec) -> list[Proposal]:
    """Values of the kind from the bottom up, each text once, the more frequent first."""
    every = [m for line in view.lines for m in view.matches(line, spec.type)]
    times = Counter(m.text for m in every)
    latest = {m.text: m for m in every}
    ordered = sorted(latest.values(), key=lambda m: (-times[m.text], -m.words[0]))
    return [Proposal(m.text, m.words, PLACED / (1 + n)) for n, m in enumerate(ordered[:MOST_ALTERNATIVES])]


def _amounts_at_bottom(view: View, spec: FieldSpec) -> list[Proposal]:
    """Amounts below the header, those first that the bill's arithmetic speaks for, then the larger ones."""
    top = (3 * view.lines[0].box.y0 + view.lines[-1].box.y1) / 4 if view.lines else 0
    every = [
        Proposal(m.text, m.words, PLACED)
        for line, found in zip(view.lines, view.amounts, strict=True) if line.box.y0 >= top
        for m in found
        if amount(m.text, view.locale) > 0
    ]
    every = [replace(c, score=c.score - PLACED) for c in confirmed(view, every)]
    largest = max((amount(c.text, view.locale) for c in every), default=Decimal(1))
    # An amount that nothing speaks for is hardly the total; size only orders them.
    sized = ((c, float(amount(c.text, view.locale) / largest)) for c in every)
    return ranked((replace(c, score=round(PLACED * (c.score + SIZE * size), 4)) for c, size in sized), spec)
