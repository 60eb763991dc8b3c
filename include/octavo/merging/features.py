"""Features: what is measured of a value on its page, as names. ``confidence`` weighs them; what they say is fact, not opinion.

A value has one feature of ``LINKS``, and any of ``FOR`` and ``AGAINST``. Distances are in heights of the label's line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from octavo.merging.field_links import STRONG, FieldLink, FieldLinks
from octavo.merging.unlabelled_links import is_whole
from octavo.model.contracts import FieldSpec, Kind, Where
from octavo.model.entities import Box, union
from octavo.page.businesses import PHRASE_GAP
from octavo.page.index import Occurrence, PageIndex
from octavo.page.lines import same_row
from octavo.page.values import NUMERIC, squeeze
from octavo.page.values.amounts import CENTS

Features = tuple[str, ...]

# How a value is tied to its field, in words.
LINKS = {
    "beside_label": "it stands beside its label",
    "below_label": "it stands below its label",
    "boxed_label": "it stands in the box of its label",
    "column": "it stands in its column",
    "earlier_column": "it stands in its column of an earlier page",
    "section": "it is one of several texts below the heading of its list",
    "alone_in_section": "it is the only one of its kind in a row below the heading of its list",
    "heading": "it is a heading",
    "running_text": "it is running text",
    "doubtful_key": "it may not belong to its key",
    "listed": "it stands in the list below its key",
    "top_name": "it is a line at the top",
    "top_address": "it follows the name at the top",
    "stamp": "it has a clock time",
    "only_one": "there is only one of its kind",
    "check_digits": "its check digits are right",
    "found": "the contract's pattern finds it",
    "unlinked": "no label links it to the field",
}
# What speaks for a value, and what against it, in words.
FOR = {
    "agreed": "extractors agree",
    "arithmetic": "the amounts add up",
    "certain_form": "only such a value is printed like this",
    "colon": "its label ends in a colon",
    "column_form": "it looks like the other cells of its column",
    "exact_label": "its label is printed as the contract has it",
    "first_label": "its label is the contract's first",
    "full_row": "its row is complete",
    "leading_label": "its label begins the phrase",
    "long_label": "its label is long",
    "met_pattern": "it meets the contract's own rules",
    "near": "it is near its label",
    "own_label": "its label is a phrase of its own",
    "printed_so": "it is printed as given",
    "well_read": "its words were read well",
    "whole_row": "nothing else stands on its row",
}
AGAINST = {
    "claimed": "another field may have the same words",
    "colon_within": "it holds a colon",
    "contested": "another value stands by a label of the field",
    "cut": "it is cut out of a longer phrase",
    "cut_label": "its label is part of a longer phrase",
    "far": "it is far from its label",
    "goes_on": "it may go on in the line below",
    "holds_label": "it holds a label",
    "long": "it is long",
    "loose": "something stands between it and its label",
    "mixed_word": "it is one word with letters and digits",
    "odd_form": "it looks unlike the other cells of its column",
    "poorly_read": "its words were read poorly",
    "ragged": "rows of its list lack cells",
    "rival_label": "it stands by another field's label",
    "rivals": "another value is tied to the field as well",
    "ruled_off": "a line is drawn between it and its label",
    "several_lines": "it goes over several lines",
    "shared_words": "another cell of its row has the same words",
    "short": "it is short",
    "short_row": "its row lacks cells",
    "uncertain_form": "it lacks what such values have",
}

_SIGNS = frozenset({"#", "№", "%", "$", "€", "£"})

GROUPS = ("number", "date", "code", "name", "text")

NEAR = 4.0            # heights between a label and the value beside it
FAR_BESIDE, FAR_BELOW = 15.0, 1.5
LONG_LABEL = 8        # letters and digits
SHORT, LONG = 2, 60   # characters of a value
WELL_READ, FAIRLY_READ = 0.95, 0.85
FULL_ROW, SHORT_ROW = 1.0, 0.7  # share of the cells that the fullest quarter of the rows has at least
RAGGED = 0.2          # share of a list's rows that are short
USUAL_FORM, ODD_FORM = 0.5, 0.2  # share of a column's cells that look alike
LINE_GAP = 0.9        # heights between two lines of one text
FEWEST_ROWS = 3       # for a column to have a usual form


def group_of(kind: Kind) -> str:
    """The kinds whose values are weighed alike, one of ``GROUPS``."""
    if kind in NUMERIC:
        return "number"
    if kind in (Kind.DATE, Kind.NAME):
        return str(kind)
    return "code" if kind in (Kind.IDENTIFIER, Kind.PHONE, Kind.EMAIL, Kind.URL, Kind.CURRENCY) else "text"


# What says nothing of a group's values: numbers have others below them, a date another one behind it, a name its address,
# and an address has several lines.
_NOT_OF: dict[Kind, tuple[str, ...]] = {Kind.ADDRESS: ("several_lines", "long")}
_NOT_OF_GROUP: dict[str, tuple[str, ...]] = {
    "number": ("goes_on",), "date": ("goes_on", "cut", "mixed_word"), "code": ("goes_on", "mixed_word"), "name": ("goes_on",),
}


# Of what a text is made of by its place, where it is cut and goes on says nothing.
OF_TEXT = frozenset({"heading", "running_text"})


class PageFeatures:
    """Measures the values of one page."""

    def __init__(self, index: PageIndex, links: FieldLinks) -> None:
        self._index = index
        self._links = links
        self._places: dict[tuple[int, ...], list[str]] = {}

    def of(self, spec: FieldSpec, value: str, place: Occurrence, link: FieldLink, listed: bool) -> list[str]:
        """The features of a value that stands at ``place`` and is linked to its field by ``link``; ``listed``: it is a list's cell."""
        words = place.words
        found = [link.how or "unlinked", *self._of_label(spec, words, link)]
        if link.how in OF_TEXT:
            return found
        if link.how == "found":  # it may be cut out of what else the line says
            form = _form(spec.type, value)
            printed = ["printed_so"] if place.exact else []
            return [*found, "met_pattern", *printed, *self.of_reading(self._index.confidence(words)), *([form] if form else [])]
        if 0 < link.score < STRONG:
            found.append("loose")
        if link.rival:
            found.append("rival_label")
        if place.exact:
            found.append("printed_so")
        if spec.pattern is not None or spec.check or spec.min is not None or spec.max is not None:
            found.append("met_pattern")
        own = self._places.get(words)
        if own is None:
            own = self._places[words] = self._of_place(words)
        if link.how == "listed" and link.label is not None and link.label.fields:  # a list of plain values parts them by commas or lines
            own = [one for one in own if one not in ("cut", "goes_on")]
        left_out = _NOT_OF.get(spec.type, _NOT_OF_GROUP.get(group_of(spec.type), ("goes_on",) if listed else ()))  # of_rows knows better
        found += [one for one in own if one not in left_out] if left_out else own
        if len(words) > 1 and link.label is not None and not self._links.words.isdisjoint(set(words[1:-1])):
            found.append("holds_label")
        form = _form(spec.type, value)
        return [*found, form] if form else found

    def _of_label(self, spec: FieldSpec, words: tuple[int, ...], link: FieldLink) -> list[str]:
        label = link.label
        if label is None:
            return []
        index = self._index
        texts = [index.texts[i] for i in label.words]
        printed = squeeze("".join(texts))
        text = squeeze(label.text)
        found = []
        if text in printed:
            found.append("exact_label")
        if len(text) >= LONG_LABEL:
            found.append("long_label")
        if label.text == (spec.labels[0] if spec.labels else ""):
            found.append("first_label")
        if texts[-1].endswith(":") or (label.words[-1] in words and ":" in texts[-1]):
            found.append("colon")
        if self._links.leads(label):
            found.append("leading_label")
        whole = is_whole(index, label.words, frozenset(words)) and not self._has_sign_behind(label.words)
        whole = whole or link.side is Where.INSIDE  # before what heads a box stands its number
        found.append("own_label" if whole else "cut_label")
        if link.side is None and self._is_ruled_off(label.words, words, link.how):
            found.append("ruled_off")
        box, height = index.place_boxes(words)[0], max(1, label.box.height)
        gap = (box.x0 - label.box.x1 if link.how == "beside_label" else box.y0 - label.box.y1) / height
        if link.side is not None:
            gap = 0 if link.side is Where.INSIDE else _apart(label.box, union(index.place_boxes(words))) / height
        if link.how in ("beside_label", "below_label"):
            if gap <= (NEAR if link.how == "beside_label" else 1.0):
                found.append("near")
            elif gap > (FAR_BESIDE if link.how == "beside_label" else FAR_BELOW):
                found.append("far")
        return found

    def _has_sign_behind(self, label: tuple[int, ...]) -> bool:
        """Whether a sign that is no punctuation follows a label: ``Item #`` is not ``Item``."""
        index, behind = self._index, label[-1] + 1
        if behind >= len(index.texts) or index.texts[behind] not in _SIGNS:
            return False
        one, sign = index.boxes[label[-1]], index.boxes[behind]
        return same_row(one, sign) and 0 <= sign.x0 - one.x1 <= PHRASE_GAP * one.height

    def _is_ruled_off(self, label: tuple[int, ...], words: tuple[int, ...], how: str) -> bool:
        """Whether a line is drawn between a label and the value beside or below it."""
        shown = self._index.shown
        one, other = shown[label[-1]], shown[words[0]]
        if how == "beside_label":
            y = other.center[1]
            return any(not r.level and r.y0 < y < r.y1 and one.x1 <= (r.x0 + r.x1) / 2 <= other.x0 for r in self._index.page.rulings)
        if how != "below_label":
            return False
        x = (max(one.x0, other.x0) + min(one.x1, other.x1)) / 2
        return any(r.level and r.x0 < x < r.x1 and one.y1 <= (r.y0 + r.y1) / 2 <= other.y0 for r in self._index.page.rulings)

    @staticmethod
    def of_reading(confidence: float) -> list[str]:
        """How well words were read, by the least confidence among them."""
        return ["well_read"] if confidence >= WELL_READ else ["poorly_read"] if confidence < FAIRLY_READ else []

    def _of_place(self, words: tuple[int, ...]) -> list[str]:
        """What the words show by themselves."""
        index, found = self._index, []
        boxes = index.place_boxes(words)
        if len(boxes) > 1:
            found.append("several_lines")
        if not is_whole(index, words, self._links.words):
            found.append("cut")
        row = [i for i in index.between(boxes[0].y0, boxes[0].y1) if i not in words and same_row(index.boxes[i], boxes[0])]
        if self._links.words.issuperset(row):
            found.append("whole_row")
        found += self.of_reading(index.confidence(words))
        text = " ".join(index.texts[i] for i in words)
        if ":" in text[:-1]:
            found.append("colon_within")
        length = len(squeeze(text))
        if length <= SHORT:
            found.append("short")
        elif length > LONG:
            found.append("long")
        if len(words) == 1 and length > SHORT and not text.isdigit() and any(map(str.isdigit, text)) and any(map(str.isalpha, text)):
            found.append("mixed_word")
        if self._goes_on(words, boxes[-1]):
            found.append("goes_on")
        return found

    def _goes_on(self, words: tuple[int, ...], box: Box) -> bool:
        """Whether a line that is nobody's label begins right below where the value's last line does."""
        index, reach = self._index, round(LINE_GAP * box.height)
        below = [i for i in index.between(box.y1, box.y1 + reach) if index.boxes[i].center[1] > box.y1 and i not in words]
        return any(abs(index.boxes[i].x0 - box.x0) <= box.height // 2 and i not in self._links.words for i in below)


def _apart(one: Box, other: Box) -> int:
    """The wider of the gaps between two boxes, level and upright; 0 where they overlap."""
    return max(0, other.x0 - one.x1, one.x0 - other.x1, other.y0 - one.y1, one.y0 - other.y1)


def _form(kind: Kind, value: str) -> str:
    """Whether a value has what makes it one of its kind and of no other, or lacks it."""
    digits = sum(map(str.isdigit, value))
    letters = sum(map(str.isalpha, value))
    if kind is Kind.MONEY:
        return "certain_form" if CENTS.search(value) else "uncertain_form"
    if kind is Kind.DATE:
        return "certain_form" if letters >= 3 or digits >= 6 else "uncertain_form"
    if kind is Kind.IDENTIFIER:
        return "certain_form" if digits >= 4 else "" if digits else "uncertain_form"
    if kind is Kind.ADDRESS:
        return "certain_form" if digits >= 4 and letters > 10 else "uncertain_form" if not digits else ""
    if kind is Kind.NAME:
        return "uncertain_form" if digits or letters < 4 else "certain_form" if len(value.split()) > 1 else ""
    if kind is Kind.TEXT:
        return "" if letters or digits else "uncertain_form"
    return "certain_form" if kind in (Kind.EMAIL, Kind.URL, Kind.CURRENCY) else ""


def form_of(text: str) -> str:
    """A text's form: digits, capitals and small letters as one each where they follow each other; running text is one form."""
    form: list[str] = []
    for char in text:
        sign = "9" if char.isdigit() else "A" if char.isupper() else "a" if char.islower() else " " if char.isspace() else char
        if not form or form[-1] != sign:
            form.append(sign)
    return "text" if form.count(" ") > 1 else "".join(form)


def of_rows(rows: Sequence[Mapping[str, tuple[str, Collection[object]]]]) -> list[dict[str, Features]]:
    """What the rows of a list on one page show of each other's cells.

    Args:
        rows: of each row the cells by column: the text and the places that show it.

    Returns:
        Of each row the features of its cells by column.
    """
    usual = sorted(len(row) for row in rows)[len(rows) * 3 // 4] if rows else 0
    forms: dict[str, Counter[str]] = {}
    for row in rows:
        for name, (text, _) in row.items():
            forms.setdefault(name, Counter())[form_of(text)] += 1
    short = [len(row) < SHORT_ROW * usual for row in rows]
    ragged = sum(short) > RAGGED * len(rows)
    found = []
    for at, row in enumerate(rows):
        own = ["short_row"] if short[at] else ["full_row"] if len(row) >= FULL_ROW * usual else []
        own += ["ragged"] if ragged else []
        goes_on = rows[at + 1] if at + 1 < len(rows) and short[at + 1] else {}
        uses = Counter(place for _, places in row.values() for place in places)
        cells = {}
        for name, (text, places) in row.items():
            counted = forms[name]
            total = counted.total()
            alike = counted[form_of(text)] / total
            cell = [*own]
            if total >= FEWEST_ROWS:
                cell += ["column_form"] if alike >= USUAL_FORM else ["odd_form"] if alike <= ODD_FORM else []
            if any(uses[place] > 1 for place in places):
                cell.append("shared_words")
            if name in goes_on:
                cell.append("goes_on")
            cells[name] = tuple(cell)
        found.append(cells)
    return found


def words_of(features: Iterable[str]) -> str:
    """Features in words, for people."""
    said = {**LINKS, **FOR, **AGAINST}
    return " and ".join(said[one] for one in features)
