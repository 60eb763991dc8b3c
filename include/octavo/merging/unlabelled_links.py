"""Links without a label: what the place and the form of a value, or its check digits, show where no label does.

Each of these asks for more than a label does: words read well, whole lines, and a second sign beside the place. The rules
of check digits are python-stdnum's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module

from octavo.merging.field_links import NO_LINK, PLACED, STRONG, FieldLink
from octavo.model.contracts import FieldSpec, Kind, Place
from octavo.page.businesses import PHRASE_GAP, Businesses, business_words, is_legal, is_misread, is_trade
from octavo.page.index import PageIndex, runs_of
from octavo.page.lines import same_row

# Least confidence of every word of a name that only its place speaks for. Measured on scanned receipts:
# of names below it one in two is misread, above it one in five.
NAME_CONFIDENCE = 0.88
# The same for addresses, whose longer text has some weak commas in it.
ADDRESS_CONFIDENCE = 0.81
# The top of a page, as a share of its height, in which its sender stands.
TOP_SHARE = 0.4
# Most characters of the number that counts a heading.
LONGEST_COUNT = 4
# Shortest address, in characters.
ADDRESS_LENGTH = 25

# What may follow a name without being part of it: a registration number, or what stands in brackets.
_REGISTRATION = re.compile(r"^[(\[]|\d{5}")
_POSTCODE = re.compile(r"(?<![\w/-])(?:\d{4,6}|\d{4} ?[A-Z]{2}|[A-Z]{1,2}\d[\dA-Z]? ?\d[A-Z]{2})(?![\w/-])")
_CLOCK = re.compile(r"(?<!\d)\d{1,2}[:.]\d{2}(?!\d*[.,/]?\d)")


def by_place(index: PageIndex, has_top: bool, businesses: Businesses, spec: FieldSpec, words: tuple[int, ...], text: str) -> FieldLink:
    """The link of a value by its place or its form, if they show that it is the field's.

    Args:
        index: the page.
        has_top: whether it is the first of its record; only that one has a top.
        businesses: the businesses that the page names.
        spec: the field.
        words: the words that show the value.
        text: the value.
    """
    if spec.type is Kind.CURRENCY:
        return _currency(index, words)
    if spec.type in (Kind.URL, Kind.EMAIL):
        return _only_one(index, spec.type, words)
    if not has_top:
        return NO_LINK
    if spec.place is Place.TOP and spec.type is Kind.DATE:
        return _stamp(index, words)
    if spec.place is Place.TOP and spec.type in (Kind.NAME, Kind.TEXT):
        return _name(index, businesses, words)
    if spec.place is Place.AFTER_COMPANY and spec.type is Kind.ADDRESS:
        return _address(index, words, text)
    return NO_LINK


def _name(index: PageIndex, businesses: Businesses, words: tuple[int, ...]) -> FieldLink:
    first = index.boxes[words[0]]
    texts = [index.texts[i] for i in words]
    if first.y0 > TOP_SHARE * index.page.height or index.confidence(words) < NAME_CONFIDENCE or not is_whole(index, words) \
            or any(map(is_misread, texts)):
        return NO_LINK
    runs = tuple(run for text in texts for run in runs_of(text))
    sign = "names a legal form" if is_legal(runs) else "names a trade" if is_trade(runs) else "the page repeats"
    if len(runs) < 2 or (sign == "the page repeats" and len(index.stream.find("".join(runs), runs[0])) < 2):
        return FieldLink(0.5, "a whole line at the top", how="top_name")
    if businesses.has_owner:
        return FieldLink(0.5, "a whole line at the top, though the page tells a business and its owner apart", how="top_name")
    if _goes_on_above(index, words):
        return FieldLink(0.5, "a whole line at the top, though it may go on with the line above", how="top_name")
    if _legal_form_beside(index, words):
        return FieldLink(0.5, "a whole line at the top, though its legal form may stand further right", how="top_name")
    rival = businesses.rival_of(words)
    if rival:
        return FieldLink(0.5, f"a whole line at the top, though the page names “{rival}” as well", how="top_name")
    return _placed(f"a whole line at the top that {sign}", "top_name")


def _goes_on_above(index: PageIndex, words: tuple[int, ...]) -> bool:
    """Whether a line of nothing but words begins right above where the name does: a name in two lines of one cell."""
    box = index.place_boxes(words)[0]
    half = box.height // 2
    above = [i for i in index.between(box.y0 - half, box.y0) if index.boxes[i].center[1] < box.y0 and i not in words]
    first = next((i for i in above if abs(index.boxes[i].x0 - box.x0) <= half), None)
    if first is None:
        return False
    phrase = [i for i in above if same_row(index.boxes[i], index.boxes[first])]
    return all(text.replace("-", "").rstrip(".,&").isalpha() for text in (index.texts[i] for i in phrase))


def _legal_form_beside(index: PageIndex, words: tuple[int, ...]) -> bool:
    """Whether nothing but a legal form, a letter in brackets aside, stands further right on a name's last row: ``(M)   Sdn   Bhd``."""
    box = index.place_boxes(words)[-1]
    row = [i for i in index.between(box.y0, box.y1) if index.boxes[i].x0 >= box.x1 and same_row(index.boxes[i], box)]
    row.sort(key=lambda i: index.boxes[i].x0)
    return business_words().is_legal_form(tuple(run for i in row for run in runs_of(index.texts[i]) if len(run) > 1))


def _stamp(index: PageIndex, words: tuple[int, ...]) -> FieldLink:
    """A date with a clock time behind it, where all such dates of the page are one: when a till or a clerk printed it."""
    stamped = {date for date, places in index.dates.items() if any(_has_clock(index, place) for place in places)}
    if len(stamped) == 1 and _has_clock(index, words):
        return _placed("the only date with a clock time", "stamp")
    return NO_LINK


def _has_clock(index: PageIndex, words: Sequence[int]) -> bool:
    last = words[-1]
    near = [i for i in range(last, min(last + 3, len(index.texts))) if same_row(index.boxes[last], index.boxes[i])]
    return any(_CLOCK.search(index.texts[i]) for i in near)


def only_date() -> FieldLink:
    """The link of the one date that a document has, where its contract asks for one date."""
    return _placed("the only date of the document", "only_one")


def _placed(why: str, how: str) -> FieldLink:
    return FieldLink(1.0, why, "", PLACED, how)


def _only_one(index: PageIndex, kind: Kind, words: Sequence[int]) -> FieldLink:
    """A website or e-mail address, where the page shows no other one; pages of one website count as one."""
    sign = re.compile(r"^(?:https?://|www\.)", re.IGNORECASE) if kind is Kind.URL else re.compile(r"@")
    shown = [text.casefold() for text in index.texts if sign.search(text)]
    sites = {sign.sub("", text).split("/")[0] for text in shown} if kind is Kind.URL else set(shown)
    own = any(sign.search(index.texts[i]) for i in words)
    return _placed("the page's only one", "only_one") if own and len(sites) == 1 else NO_LINK


def _address(index: PageIndex, words: tuple[int, ...], text: str) -> FieldLink:
    if len(text) < ADDRESS_LENGTH or _has_more(text) or index.confidence(words) < ADDRESS_CONFIDENCE or not is_whole(index, words):
        return NO_LINK
    if _POSTCODE.search(text) and any(char.isdigit() for char in text[: len(text) // 2]):
        return _placed("whole lines with a number and a postcode", "top_address")
    return FieldLink(0.5, "whole lines", how="top_address")


def _has_more(text: str) -> bool:
    """Whether a text goes on, beyond an address, with how its owner is reached or registered."""
    words = business_words()
    return "@" in text or bool(words.contact.search(text) or words.registration.search(text))


def _currency(index: PageIndex, words: tuple[int, ...]) -> FieldLink:
    """A currency's mark beside an amount, where no amount of the page has another."""
    beside = {code for code, places in index.currencies.items() if any(_beside_amount(index, place) for place in places)}
    if len(beside) == 1 and _beside_amount(index, words):
        return _placed("beside an amount, as no other currency is", "only_one")
    return NO_LINK


def _beside_amount(index: PageIndex, words: Sequence[int]) -> bool:
    first, last = words[0], words[-1]
    if any(char.isdigit() for char in index.texts[first]):
        return True
    near = [i for i in (first - 1, last + 1) if 0 <= i < len(index.texts) and same_row(index.boxes[first], index.boxes[i])]
    return any(index.parser.amounts_of_word(index.texts[i]) is not None for i in near)


def is_heading(index: PageIndex, words: tuple[int, ...]) -> bool:
    """Whether the words are a whole line, with more room above it than between it and the text below."""
    box = index.place_boxes(words)[0]
    row = [i for i in index.between(box.y0, box.y1) if same_row(index.boxes[i], box) and i not in words]
    if any(index.boxes[i].x1 > box.x0 or sum(map(len, runs_of(index.texts[i]))) > LONGEST_COUNT for i in row):
        return False  # but the number that counts it
    above = max((one.y1 for one in index.boxes if one.center[1] < box.y0), default=0)
    below = min((one.y0 for one in index.boxes if one.center[1] > box.y1), default=None)
    return below is not None and box.y0 - above > below - box.y1


def is_whole(index: PageIndex, words: tuple[int, ...], labels: frozenset[int] = frozenset()) -> bool:
    """Whether no neighbour on the row, other than a label's word, belongs to the same phrase, at the head and at the end of the value."""
    inside = labels.union(words)
    head, tail = index.boxes[words[0]], index.boxes[words[-1]]
    for i in index.between(head.y0, head.y1):
        gap = head.x0 - index.boxes[i].x1
        if i not in inside and -1 <= gap <= PHRASE_GAP * head.height and same_row(index.boxes[i], head) and runs_of(index.texts[i]):
            return False
    right, height = tail.x1, tail.height
    for i in sorted(index.between(tail.y0, tail.y1), key=lambda i: index.boxes[i].x0):
        box, shown = index.boxes[i], index.texts[i]
        if i in inside or box.x0 < tail.x1 - 1 or not same_row(box, tail):
            continue
        if box.x0 - right > PHRASE_GAP * height:
            return True
        if runs_of(shown):
            return bool(_REGISTRATION.search(shown))
        right = box.x1  # a dash or a bullet joins what follows
    return True


# Kinds that a number of another kind passes for once in a hundred times or less: two check digits, or one beside a country's own form.
# One check digit alone lets every tenth number pass, which proves nothing.
PROVING = frozenset({"iban", "eu.vat", "lei", "isin", "isni", "iso11649", "grid"})
# Most words that one number is printed in: an IBAN of 34 characters in groups of four.
MOST_WORDS = 9
LONGEST = 34
SHORTEST = 8
_CACHE = 1 << 14
_SEPARATORS = re.compile(r"[\s.\-–/]+")
_EDGES = re.compile(r"^[^0-9A-Za-z]+|[^0-9A-Za-z]+$")


@lru_cache(_CACHE)
def kind_of(kinds: tuple[str, ...], text: str) -> str:
    """The first of ``kinds`` that ``text`` is a valid number of; empty for none."""
    text = _EDGES.sub("", text)
    forms = (text, _SEPARATORS.sub("", text))  # some kinds know separators of their own, others none
    return next((kind for kind in kinds if any(map(import_module(f"stdnum.{kind}").is_valid, forms))), "")


def by_check_digits(index: PageIndex, kinds: tuple[str, ...], text: str, words: Sequence[int]) -> FieldLink | None:
    """How its check digits link a value to its field; None where they do not.

    A number whose kind is hard to meet by chance is the field's when the page has no other one of the kind.
    Any other valid number is only likelier than one that is not.
    """
    kind = kind_of(kinds, text)
    if not kind:
        return None
    name = kind.rpartition(".")[2].upper()
    if kind in PROVING and not _others(index, kind, frozenset(words)):
        return FieldLink(1.0, f"the page's only valid {name} number", "", PLACED, "check_digits")
    return FieldLink(STRONG / 2, f"a valid {name} number", "", PLACED, "check_digits")


def _others(index: PageIndex, kind: str, own: frozenset[int]) -> bool:
    """Whether words other than ``own`` show another valid number of the kind."""
    shown = _compact(" ".join(index.texts[i] for i in sorted(own)))
    for first in range(len(index.texts)):
        text = ""
        for last in range(first, min(first + MOST_WORDS, len(index.texts))):
            text += _compact(index.texts[last])
            if len(text) > LONGEST or index.lines[last] != index.lines[first]:
                break
            is_other = text not in shown and shown not in text
            if is_other and len(text) >= SHORTEST and any(char.isdigit() for char in text) and kind_of((kind,), text):
                return True
    return False


def _compact(text: str) -> str:
    return "".join(char for char in text.upper() if char.isalnum())
