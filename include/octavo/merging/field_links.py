"""Field links: what shows that a value on the page is *this* field's value. Labels first, then place.

A label links the value directly right of it or directly below it to its field. A value is never linked by the label of
another field: where two labels stand by a value, the one on its row wins over the one above it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, cached_property
from typing import NamedTuple

from octavo.model.contracts import FieldSpec, Kind, Where
from octavo.model.entities import Box
from octavo.page import labels, patterns
from octavo.page.businesses import PHRASE_GAP
from octavo.page.index import PageIndex, runs_of
from octavo.page.label_matches import LEGIBLE_LABEL, ContractLabels, LabelMatch, PageLabels, label_match
from octavo.page.lines import same_row
from octavo.page.neighbours import Nearness, Neighbours
from octavo.page.values import Typed, squeeze
from octavo.page.values.amounts import CENTS

# Links from here on count as strong: nothing stands between label and value.
STRONG = 1.0
# The priority of links without a label: behind every label.
PLACED = 1 << 16

# Kinds of which a document has so many that a lesser label counts only where no better one is printed.
_RANKED = frozenset({Kind.IDENTIFIER, Kind.DATE})


class FieldLink(NamedTuple):
    """How a value is linked to a field: ``score`` 0 to 1; ``why`` in words; ``rival`` is another field's label that it stands by.

    ``priority`` is the label's place among the field's labels, which contracts list best first; of two places
    of one label the one whose line has another field's label too comes first. ``how`` is the feature that names the
    kind of link, one of ``features.LINKS``; ``label`` the label, where there is one; ``side`` the value's side of it, where the
    contract says it.
    """

    score: float
    why: str = ""
    rival: str = ""
    priority: int = 0
    how: str = ""
    label: LabelMatch | None = None
    side: Where | None = None


NO_LINK = FieldLink(0.0)
_FAR = Nearness(0.0, 0, "")
_BOXED = 2  # nearer to its label than one on its row, which is 1, or below it, 0


class FieldLinks:
    """The labels printed on one page, and the values that they link to fields."""

    def __init__(self, index: PageIndex, contract_labels: ContractLabels) -> None:
        self._index = index
        self._labels = contract_labels
        self._page_labels = PageLabels(index, contract_labels)
        self._near = Neighbours(index, contract_labels.specs)
        self._cache: dict[tuple[str, tuple[int, ...]], FieldLink] = {}
        self._found: dict[str, frozenset[tuple[int, ...]]] = {}
        self._rivals: dict[str, list[LabelMatch]] = {}
        self._labelled: dict[str, list[tuple[int, Typed, tuple[int, ...], str]]] = {}

    @property
    def specs(self) -> Mapping[str, FieldSpec]:
        """Every leaf field of the contract, by path."""
        return self._labels.specs

    def sharing(self, field: str) -> list[str]:
        """The date fields that share a label with a date field, itself included, in the contract's order."""
        return self._labels.sharing(field)

    def placed(self, field: str) -> list[LabelMatch]:
        """Where the page prints a field's labels."""
        return self._by_field.get(field, [])

    def labels(self) -> list[LabelMatch]:
        """The labels of fields, wherever the page prints one."""
        return [one for one in self._page_labels.plain if one.fields]

    def by_pattern(self, field: str, words: tuple[int, ...]) -> FieldLink:
        """How a value is linked to a field that the contract finds by a pattern."""
        spec = self._labels.specs[field]
        if spec.find is None:
            return NO_LINK
        if field not in self._found:
            labels = [one.words for one in self.placed(field)] if spec.labels else None
            every = patterns.found(self._index.layout, spec.find, labels)
            self._found[field] = frozenset(found for _, found in every)
        return FieldLink(STRONG, "the contract's pattern finds it", how="found") if words in self._found[field] else NO_LINK

    @property
    def words(self) -> frozenset[int]:
        """Words that are part of a label."""
        return self._page_labels.words

    @cached_property
    def _by_field(self) -> dict[str, list[LabelMatch]]:
        found: dict[str, list[LabelMatch]] = {}
        for one in self._page_labels.plain:
            for field in one.fields:
                found.setdefault(field, []).append(one)
        return found

    def of(self, field: str, words: tuple[int, ...]) -> FieldLink:
        """How a value, given by its words, is linked to ``field`` by labels."""
        key = (field, words)
        link = self._cache.get(key)
        if link is None:
            link = self._cache[key] = self._of(field, words)
        return link

    @cached_property
    def _named(self) -> dict[tuple[int, ...], LabelMatch]:
        """The labels of fields and of lists, by their words."""
        return {one.words: one for one in self._page_labels.plain if one.fields}

    def _of(self, field: str, words: tuple[int, ...]) -> FieldLink:
        label = self._named.get(words)
        if label is not None and self._index.boxes[words[-1]].x1 <= label.box.x1:
            return FieldLink(0.0, "", label.text)  # a label is nobody's value, unless one is glued to it
        box = self._index.place_boxes(words)[0]
        where = self._labels.specs[field].where if field in self._labels.specs else ()
        head = self._head_of_box(words)
        if head is not None and field in head.fields and (not where or Where.INSIDE in where):
            own, rival = _in_box(head), _FAR
        elif head is not None and head in self._rivals_of(field):
            own, rival = _FAR, _in_box(head)
        else:
            own, rival = self._nearest(field, words), self._near.nearest(self._rivals_of(field), words, box)
        if own.score < STRONG and rival.score < STRONG and self._index.scanned and self._is_near_dim(words, box):
            misread = [one for one in self._page_labels.misread if field in one.fields]
            own = max(own, self._near.nearest(misread, words, box, where), key=_closeness)
        own = self._of_range(field, own, words)
        priority = 2 * self._labels.priority(field, own.text) + (not self._is_introduced(field, own, words))
        if rival.score and _closeness(rival) > _closeness(own):
            return FieldLink(0.0, "", rival.text)
        if not own.score:
            return NO_LINK
        link = FieldLink(own.score, _why(own), "", priority, _how(own), own.label)
        if where:  # it stands where the contract says, as others do right of their label
            link = link._replace(how="beside_label", side=own.side)
        better = self._better_label(field, own.text) if self._labels.specs[field].type in _RANKED else ""
        if better:
            return link._replace(score=own.score / 2, why=f"{link.why}, though the page has the better label “{better}”")
        return link._replace(score=own.score / 2, rival=rival.text) if _closeness(rival) == _closeness(own) else link

    def _head_of_box(self, words: tuple[int, ...]) -> LabelMatch | None:
        """The label that heads the box that rulings close around a value; None where there is no box, or another label in it."""
        inside = self._index.layout.boxes.get(words[0], ())
        if not self._headed.keys() & inside or not set(words) <= set(inside):
            return None
        heads = {label.words: label for word in inside if (label := self._headed.get(word))}
        head = next(iter(heads.values()))
        line_of = self._index.layout.line_of
        is_head = len(heads) == 1 and line_of[inside[0]] in {line_of[word] for word in head.words} and set(head.words) <= set(inside)
        return head if is_head and set(head.words).isdisjoint(words) else None

    @cached_property
    def _headed(self) -> dict[int, LabelMatch]:
        """The labels of fields by each of their words."""
        return {word: one for one in self._page_labels.plain if one.fields for word in one.words}

    def _nearest(self, field: str, words: tuple[int, ...]) -> Nearness:
        """The closest label of a field to a value, on the sides where the field's values stand."""
        where = self._labels.specs[field].where if field in self._labels.specs else ()
        return self._near.nearest(self._by_field.get(field, ()), words, self._index.place_boxes(words)[0], where)

    def _is_introduced(self, field: str, own: Nearness, words: tuple[int, ...]) -> bool:
        """Whether the value's line has a label of another field as well: "Invoice No. 17 of 2 May" speaks of the document."""
        return bool(own.row and self._labelled_on.get(self._index.lines[words[0]], frozenset()) - {field})

    @cached_property
    def _labelled_on(self) -> dict[int, frozenset[str]]:
        """The fields of single values whose labels stand on a line, by the line's number."""
        found: dict[int, frozenset[str]] = {}
        for one in self._page_labels.plain:
            single = one.fields & self._labels.single
            if single:
                line = self._index.lines[one.words[0]]
                found[line] = found.get(line, frozenset()) | single
        return found

    def _better_label(self, field: str, text: str) -> str:
        """A label of the field that the page has, not in a sentence, and that its contract lists before ``text``."""
        priority = self._labels.priority(field, text)
        found = [(self._labels.priority(field, one.text), one.text) for one in self._by_field.get(field, ()) if self.leads(one)]
        best = min((entry for entry in found if entry[0] < priority), default=None)
        return best[1] if best else ""

    def leads(self, one: LabelMatch) -> bool:
        """Whether a label begins what it stands in, rather than being a word of a sentence."""
        first, index = one.words[0], self._index
        if not first or index.lines[first - 1] != index.lines[first] or not index.texts[first - 1][-1:].isalpha():
            return True
        return index.boxes[first].x0 - index.boxes[first - 1].x1 > PHRASE_GAP * index.boxes[first].height

    def _of_range(self, field: str, own: Nearness, words: tuple[int, ...]) -> Nearness:
        """Links under a label that two date fields share: "Flight Dates 02/11/20 - 03/01/20" has one date for each."""
        sharing = self._labels.sharing(field)
        if len(sharing) < 2:
            return own
        if sum(words in places for places in self._index.dates.values()) > 1:
            return own  # both ends of a range in one word
        before = self._index.short_ranges.get(words) or next(
            (w for w in self._date_places if 0 < words[0] - w[-1] <= 2 and w[-1] not in words
             and same_row(self._index.boxes[w[-1]], self._index.boxes[words[0]])), None)
        text = own.text
        if before is not None:
            first = self._nearest(field, before)
            if first.score < own.score and not self._labels.is_shared(text):
                return own
            own = max(own, first, key=_closeness)
        if not self._labels.is_shared(own.text) or own.score == 0:
            return own
        return own if (before is not None) == (sharing.index(field) > 0) else own._replace(score=own.score / 2)

    @cached_property
    def _date_places(self) -> list[tuple[int, ...]]:
        return [words for places in self._index.dates.values() for words in places]

    def _is_near_dim(self, words: tuple[int, ...], box: Box) -> bool:
        """Whether a poorly read word stands where the value's label would: left of it, or above it."""
        read, boxes = self._index.page.words, self._index.boxes
        reach = round(labels.BELOW * box.height)
        return any(
            read[i].confidence < LEGIBLE_LABEL and i not in words and (boxes[i].x0 < box.x0 or boxes[i].y0 < box.y0)
            for i in self._index.between(box.y0 - reach, box.y1)
        )

    def _rivals_of(self, field: str) -> list[LabelMatch]:
        """Labels of other fields that a value may stand by, by its kind, instead of this field's kind."""
        rivals = self._rivals.get(field)
        if rivals is None:
            kind = self._labels.specs[field].type if field in self._labels.specs else Kind.TEXT
            rivals = self._rivals[field] = [
                one for one in self._page_labels.plain if field not in one.fields and (not one.kinds or _comparable(kind, one.kinds))
            ]
        return rivals

    def labelled(self, field: str) -> list[tuple[int, Typed, tuple[int, ...], str]]:
        """Dates or amounts of the page that stand closely by a label of the field: the label's priority, the value, its words and why."""
        found = self._labelled.get(field)
        if found is None:
            spec = self._labels.specs.get(field)
            found = self._labelled[field] = []
            for typed, places in self._values_near(field, spec or FieldSpec()):
                for words in places:
                    if self._nearest(field, words).score < STRONG:
                        continue
                    link = self.of(field, words)
                    if link.score >= STRONG and not link.rival:
                        found.append((link.priority, typed, words, link.why))
        return found

    def _values_near(self, field: str, spec: FieldSpec) -> Iterable[tuple[Typed, list[tuple[int, ...]]]]:
        index = self._index.marked(spec.marks)
        if spec.type is Kind.DATE:
            return index.dates.items()
        if spec.type is not Kind.MONEY or spec.where:
            return ()
        near: set[int] = set()
        for one in self._by_field.get(field, ()):
            reach = round(labels.BELOW * one.box.height)
            near.update(i for i in index.between(one.box.y0, one.box.y1 + reach) if index.boxes[i].x1 > one.box.x0)
        # A bare 6 beside "Total" is a count.
        printed = {i for i in near if CENTS.search(index.texts[i])}
        return [
            (number, [words for words in places if not (printed.isdisjoint(words) or index.is_part(words))])
            for number, places in index.numbers.items()
        ]

    def free(self, key: str, words: tuple[int, ...]) -> FieldLink:
        """How a value is linked to a key of no field, where the page prints the key itself."""
        squeezed = squeeze(key)
        if not squeezed:
            return NO_LINK
        cached = self._cache.get((f"\0{squeezed}", words))
        if cached is None:
            stream = self._index.stream
            spans = stream.find(squeezed, runs_of(key)[0])
            matches = [label_match(self._index, *span, key, frozenset(), frozenset()) for span in spans]
            best = self._near.nearest(matches, words, self._index.place_boxes(words)[0])
            cached = self._cache[(f"\0{squeezed}", words)] = FieldLink(best.score, _why(best), how=_how(best), label=best.label) \
                if best.score else NO_LINK
        return cached

    def between(self, key_words: tuple[int, ...], words: tuple[int, ...]) -> float:
        """How a value is linked to a key that stands at ``key_words``: pairs bring their own label."""
        boxes = self._index.place_boxes(key_words)
        text = " ".join(self._index.texts[i] for i in key_words)
        keys = [LabelMatch(key_words, box, text, frozenset(), frozenset()) for box in {boxes[0], boxes[-1]}]
        return self._near.nearest(keys, words, self._index.place_boxes(words)[0]).score

    @cached_property
    def sections(self) -> list[tuple[Box, frozenset[str]]]:
        """What heads the sections of the contract's lists, alone in its line: its box and the lists, from the top down."""
        numbers = Counter(self._index.lines)
        return [
            (one.box, one.fields) for one in self._page_labels.plain
            if not one.kinds and one.fields and numbers[self._index.lines[one.words[0]]] == len(one.words)
        ]

    def headers(self, fields: Sequence[str]) -> list[LabelMatch]:
        """Label matches that may head the columns of a list with these fields."""
        wanted = frozenset(fields)
        return [one for one in self._page_labels.plain if one.fields & wanted]


@cache
def _comparable(kind: Kind, kinds: frozenset[Kind]) -> bool:
    """Whether a value of ``kind`` can be that of labels of these kinds: a date is nobody's amount."""
    typed = {Kind.DATE, Kind.MONEY, Kind.NUMBER, Kind.INTEGER, Kind.PERCENTAGE, Kind.CURRENCY}
    if kind in typed and kinds <= typed:
        numbers = {Kind.MONEY, Kind.NUMBER, Kind.INTEGER, Kind.PERCENTAGE}
        return kind in kinds or (kind in numbers and bool(kinds & numbers))
    return True


def _in_box(head: LabelMatch) -> Nearness:
    return Nearness(1.0, _BOXED, head.text, head, Where.INSIDE)


def _closeness(one: Nearness) -> tuple[float, int]:
    return one.score, one.row


def _why(best: Nearness) -> str:
    return f"{_SIDES[best.side]} its label “{best.text}”" if best.score else ""


_SIDES = {Where.RIGHT: "beside", Where.BELOW: "below", Where.ABOVE: "above", Where.LEFT: "left of", Where.INSIDE: "in the box of"}


def _how(best: Nearness) -> str:
    return "boxed_label" if best.row == _BOXED else "beside_label" if best.row else "below_label"
