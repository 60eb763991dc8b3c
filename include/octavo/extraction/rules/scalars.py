"""Candidates of a scalar field on one page: what stands beside, below or instead of its labels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from octavo.extraction.rules.ranking import picked, ranked, swapped, with_pattern
from octavo.model.contracts import CHOSEN, FieldSpec, Kind, Place, Where
from octavo.model.entities import Box, Page
from octavo.model.lexicon import current
from octavo.page import labels, lines, patterns, typed
from octavo.page.businesses import has_legal_form, reads_like_label
from octavo.page.choices import PlacedLabel
from octavo.page.labels import Label
from octavo.page.lines import Line, Segment
from octavo.page.money import confirmed, rounded_siblings
from octavo.page.values import TEXTUAL, parser, squeeze
from octavo.page.view import Proposal, View, trimmed

# Weight of a value below its label against one beside it, where both are otherwise alike.
BELOW_WEIGHT = 0.85
# What being first in the contract's list of labels adds; the last label adds nothing.
PREFERENCE = 0.4
# It bears a currency mark, which tells money from ratings and quantities.
MARKED = 0.15
# Weight of one amount among several in a row: a line of a tax summary, not the total.
ROW_WEIGHT = 0.75
# Weight of a label that stands inside running text, for values in general and for names.
INSIDE, INSIDE_NAME = 0.6, 0.3
# A label printed so often on a page heads details rather than the document, and counts for less.
OFTEN, OFTEN_WEIGHT = 3, 0.8
# A value counts this much more in a line that has another field's label as well.
COMPANY = 1.2
# Weight of a value in its label's own box.
BOXED = 1.5
# Weight of a value that stands at the beginning of the line after its label's.
WRAPPED = 0.9
# What standing at the page's very top adds to a field that belongs there; half way down adds half of it.
TOP = 0.3
# Most words of a name.
LONGEST_NAME = 10
# Most words of a name's first line, where the next ends with a legal form.
MOST_NAME_WORDS = 6
# Rows below a header that are looked at, for one value and for a column of values.
ROWS_BELOW, ROWS_OF_COLUMN = 3, 40
# Farthest row below, in line heights past the row before.
ROW_GAP = 3.5
# Lines of one cell stand no further apart than this, in their heights.
CELL_GAP = 0.5
# Score of a value that has no label but stands where the contract says.
PLACED = 0.2

_CODE = re.compile(r"\s*[(\[]\s*#?\d{3,}\s*[)\]]\W*$")


def scalar(view: View, path: str, spec: FieldSpec) -> list[Proposal]:
    """The field's candidates on the page, best first, at most ``MOST_ALTERNATIVES``."""
    if spec.type in CHOSEN:
        return chosen(view, path, spec)
    if spec.find is not None:
        return by_pattern(view, path, spec)
    sharing = view.sharing(path)
    found: list[Proposal] = []
    prints = view.prints.get(path, ())
    order = {name: rank for rank, name in enumerate(spec.labels)}
    times = Counter(label.name for label in prints)
    # "Invoice No. 17 of 2 May": a line that has labels of two fields is where a document introduces itself
    others = frozenset(line for other, lines in view.label_lines.items() if other != path and "[]" not in other for line in lines)
    for label in prints:
        weight = (1 + label.score) / 2 * (1 + PREFERENCE * (1 - order[label.name] / max(1, len(order))))
        if spec.type in (Kind.DATE, Kind.IDENTIFIER) and view.line_of[label.words[0]] in others:
            weight *= COMPANY
        if times[label.name] >= OFTEN:
            weight *= OFTEN_WEIGHT
        if not view.leads(label):
            weight *= INSIDE_NAME if spec.type is Kind.NAME else INSIDE
        if spec.where:
            found += [replace(c, score=c.score * weight) for c in where_told(view, spec, label)]
            continue
        if len(sharing) > 1 and (end := _end_of_range(view, spec, label, sharing.index(path))):
            found.append(replace(end, score=end.score * weight))
            continue
        inside = in_box(view, spec, label)
        if inside:
            found += [replace(c, score=c.score * weight * BOXED) for c in inside]
            continue
        right = beside(view, spec, label)
        found += [replace(c, score=c.score * weight) for c in right]
        if spec.type in TEXTUAL or not right:
            found += [replace(c, score=c.score * weight * BELOW_WEIGHT) for c in below(view, spec, label)]
    if spec.type is Kind.MONEY and spec.place is Place.BOTTOM:
        found += rounded_siblings(view, found)
    if spec.place is Place.TOP:
        found = [replace(c, score=c.score + TOP * (1 - view.page.words[c.words[0]].box.y0 / max(1, view.page.height))) for c in found]
    if spec.type is Kind.NAME:
        found = [without_code(view.page, c) for c in found]
    found = with_pattern(found, spec)
    if spec.type is Kind.DATE:
        found = [replace(c, score=c.score / 2) if swapped(c.text, view.locale) else c for c in found]
    if spec.type is Kind.MONEY:
        found = [replace(c, score=c.score + MARKED) if typed.currency_mark(view.locale.currency).search(c.text) else c for c in found]
    if spec.type is Kind.MONEY and spec.place is Place.BOTTOM:
        found = confirmed(view, found)
    return ranked(found, spec)


def chosen(view: View, path: str, spec: FieldSpec) -> list[Proposal]:
    """What the boxes or words by a label say of a boolean or a choice."""
    placed = [PlacedLabel(label.words, label.box, label.text) for label in view.prints.get(path, ())]
    said = view.options.of(spec, placed, view.locale, view.label_words)
    return [Proposal(str(one.value).lower() if isinstance(one.value, bool) else one.value, one.words, 1.0) for one in said if one.words]


def by_pattern(view: View, path: str, spec: FieldSpec) -> list[Proposal]:
    """The values that the contract's pattern finds: behind the field's labels where it has some, else anywhere."""
    labels = [label.words for label in view.prints.get(path, ())] if spec.labels else None
    every = patterns.found(view, spec.find or "", labels)
    found = with_pattern([Proposal(text, words, 1.0) for text, words in every], spec)
    return ranked(picked(found, spec, view.locale), spec)


def _end_of_range(view: View, spec: FieldSpec, label: Label, at: int) -> Proposal | None:
    """Behind a label that several date fields share, or below it: of the dates of a range the one that is the field's, by their order."""
    number = view.line_of[label.words[-1]]
    words, skip = right_of(view, view.lines[number], label)
    cell = cell_under(view.lines[number + 1], label.box, label.box) if number + 1 < len(view.lines) else None
    under = cell.words if cell and not set(cell.words) & view.label_words else ()
    for run in (view.run(words, skip), typed.Run(view.page, under)):
        short = next(iter(parser(view.locale).date_ranges(run.text)), None)
        if short is not None:
            text, covered, _ = run.cut(short.split if at else short.start, short.end)
            return Proposal(text, covered, 1.0)
        dates = list(typed.matches(run, spec.type, view.locale))
        if at < len(dates) > 1:
            return Proposal(dates[at].text, dates[at].words, 1.0)
    return None


def where_told(view: View, spec: FieldSpec, label: Label) -> list[Proposal]:
    """Values on the sides of a label that the contract names."""
    sides = {Where.RIGHT: beside, Where.BELOW: below, Where.INSIDE: in_box, Where.ABOVE: above, Where.LEFT: left_of}
    return [found for side in spec.where for found in sides[side](view, spec, label)]


def above(view: View, spec: FieldSpec, label: Label) -> list[Proposal]:
    """The value in the column over a label: its nearest line, of an address all lines without a gap."""
    edge = label.box
    kept: list[Segment] = []
    for number in range(view.line_of[label.words[0]] - 1, -1, -1):
        fitting = [part for part in view.lines[number].segments
                   if part.box.y1 <= edge.y0 + edge.height // 2 and labels.aligned(label.box, part.box)]
        cell = max(fitting, key=lambda part: lines.overlap(label.box.x0, label.box.x1, part.box.x0, part.box.x1), default=None)
        if cell is None:
            continue
        gap = edge.y0 - cell.box.y1
        if gap > (CELL_GAP if kept else ROW_GAP) * max(view.height, label.box.height) or cell.words[0] in view.label_words:
            break
        kept.insert(0, cell)
        edge = cell.box
        if spec.type is not Kind.ADDRESS:
            break
    if spec.type is Kind.ADDRESS:
        cut = trimmed(view.page, [word for cell in kept for word in cell.words])
        return [cut] if cut else []
    return [found for cell in kept for found in _values_of(view, spec, cell)]


def left_of(view: View, spec: FieldSpec, label: Label) -> list[Proposal]:
    """The value right before a label on its line, back to the label before."""
    words = view.lines[view.line_of[label.words[0]]].words
    before = words[: words.index(label.words[0])]
    start = max((n + 1 for n, word in enumerate(before) if word in view.label_words), default=0)
    free = before[start:]
    if spec.type in TEXTUAL:
        return _text_or_name(view, spec, [i for i in free if view.segment_of[i] is view.segment_of[free[-1]]])
    last = list(typed.values(view.run(free), spec, view.locale))[-1:]
    return [Proposal(match.text, match.words, 1.0) for match in last]


def in_box(view: View, spec: FieldSpec, label: Label) -> list[Proposal]:
    """Values in the box that rulings close around a label that heads it: behind the label, or in the lines below it."""
    words = view.boxes.get(label.words[0], ())
    if not set(label.words) <= set(words) or set(words) & view.label_words - set(label.words):
        return []
    by_line: dict[int, list[int]] = {}
    for word in words:
        by_line.setdefault(view.line_of[word], []).append(word)
    first, *others = by_line
    own = {view.line_of[word] for word in label.words}
    if first not in own:
        return []
    lower = [by_line[line] for line in others if line not in own]
    behind = by_line[first][by_line[first].index(label.words[-1]) + 1 :] if first == view.line_of[label.words[-1]] else []
    if spec.type not in TEXTUAL:
        for lines in ([behind], lower):  # what stands on the label's row comes first, as where a box holds a total and its parts
            run = typed.Run(view.page, [word for line in lines for word in line])
            found = [Proposal(match.text, match.words, 1.0) for match in typed.values(run, spec, view.locale)]
            if found:
                return found
        return []
    answered = behind and view.page.words[label.words[-1]].text.endswith(":")
    values = [behind] if answered or not lower else lower
    if spec.type is Kind.NAME:
        values = values[:1]
    return _text_or_name(view, spec, [word for line in values for word in line])


def _text_or_name(view: View, spec: FieldSpec, words: Sequence[int]) -> list[Proposal]:
    """Words as free text, unless it is to be a name and they are none."""
    cut = trimmed(view.page, words)
    return [cut] if cut and (spec.type is not Kind.NAME or is_name(cut.text)) else []


def beside(view: View, spec: FieldSpec, label: Label) -> list[Proposal]:
    """Values to the right of a label on its own line, or in the label's own word."""
    line = view.lines[view.line_of[label.words[-1]]]
    words, skip = right_of(view, line, label)
    if not words:
        return _wrapped(view, spec, line, label)
    run = view.run(words, skip)
    if spec.type in TEXTUAL:
        return _text_beside(view, spec, line, words, skip)
    found: list[Proposal] = []
    for n, match in enumerate(typed.values(run, spec, view.locale)):
        between = [view.page.words[i].text for i in words[bool(skip):match.before]]
        gap = sum(any(c.isalpha() for c in text) and squeeze(text) not in current().fillers for text in between)
        if spec.type is Kind.DATE and gap == 1 and any(current().is_one("range_starts", text) for text in between):
            gap = 0  # "Period: from 1 May"
        if gap > labels.MOST_BETWEEN and not found:
            break
        if found and spec.type is Kind.DATE and not _is_range(view, words, found[-1].words[-1], match.words[0]):
            break
        near = 1.0 if found or not gap else 0.5 / (1 + 0.2 * gap)
        found.append(Proposal(match.text, match.words, near / (1 + 0.05 * n)))
    if spec.type is Kind.MONEY and len(found) > 1 and spec.pick != "first":
        found = [replace(c, score=c.score * ROW_WEIGHT) for c in found]
    return picked(found, spec, view.locale)


def _is_range(view: View, words: Sequence[int], last: int, first: int) -> bool:
    """Whether nothing but the words of a range parts two dates of a row; anything else is the next date's own label."""
    between = words[words.index(last) + 1:words.index(first)] if first != last else ()
    texts = [view.page.words[i].text for i in between]
    return all(current().is_one("ranges", text) or not any(map(str.isalnum, text)) for text in texts)


def _wrapped(view: View, spec: FieldSpec, line: Line, label: Label) -> list[Proposal]:
    """The value at the beginning of the next line, where the label is the last word of a longer one."""
    number = view.line_of[label.words[-1]] + 1
    if spec.type in TEXTUAL or line.words[-1] != label.words[-1] or line.words[0] == label.words[0] or number == len(view.lines):
        return []
    follower = view.lines[number]
    first = next(iter(typed.values(typed.Run(view.page, follower.segments[0].words), spec, view.locale)), None)
    near = follower.box.y0 - line.box.y1 <= view.height and follower.box.x0 < label.box.x0
    return [Proposal(first.text, first.words, WRAPPED)] if first is not None and first.before == 0 and near else []


def right_of(view: View, line: Line, label: Label) -> tuple[list[int], int]:
    """The words right of a label up to the next label of the contract, and how many characters of the first to skip."""
    page = view.page
    last = label.words[-1]
    words: list[int] = []
    skip = 0
    if label.rest < len(page.words[last].text):
        words, skip = [last], label.rest
    own = set(label.words)
    for index in line.words:
        if index in own or page.words[index].box.x0 < page.words[last].box.x0:
            continue
        if index in view.label_words:
            break
        words.append(index)
    return words, skip


def _text_beside(view: View, spec: FieldSpec, line: Line, words: Sequence[int], skip: int) -> list[Proposal]:
    """Free text: the rest of the label's own segment, or the next segment of the line."""
    allowed = set(words)
    for part in line.segments:
        group = [i for i in part.words if i in allowed]
        cut = trimmed(view.page, group, skip if group[:1] == list(words[:1]) else 0)
        if cut is None:
            continue
        if (spec.type is Kind.NAME and not is_name(cut.text)) or ((group[0] != words[0] or not skip) and reads_like_label(cut.text)):
            return []
        # text that ends with a colon is the next label: this one has no value beside it
        return [] if view.page.words[cut.words[-1]].text.endswith(":") else [cut]
    return []


def without_code(page: Page, name: Proposal) -> Proposal:
    """A name without the number in brackets that systems print behind it: ``Neely for Judge (112369)``."""
    run = typed.Run(page, name.words)
    bare = _CODE.sub("", name.text)
    if not bare or bare == name.text or bare not in run.text:
        return name
    start = run.text.index(bare)
    text, covered, _ = run.cut(start, start + len(bare))
    return replace(name, text=text, words=covered)


def below(view: View, spec: FieldSpec, label: Label) -> list[Proposal]:
    """Values under a label, in its column: the first row, or with ``pick`` every row until the column ends."""
    if spec.type in (Kind.NAME, Kind.ADDRESS):
        return party_below(view, label)
    column = spec.pick != "first" and spec.type not in TEXTUAL
    found: list[Proposal] = []
    for passed, (_, cell) in enumerate(islice(_cells_below(view, label), ROWS_OF_COLUMN if column else ROWS_BELOW)):
        values = _values_of(view, spec, cell)
        found += [replace(c, score=c.score / (1 + (0 if column else passed))) for c in values]
        if values and not column:
            break
    return picked(found, spec, view.locale)


def _cells_below(view: View, label: Label) -> Iterator[tuple[Line, Segment]]:
    """What stands in a label's column, from the top down to a wide gap or another label, each with its line."""
    bottom = label.box
    reach = ROW_GAP * max(view.height, label.box.height)
    for number in range(view.line_of[label.words[0]] + 1, len(view.lines)):
        if view.tops_below[number] - bottom.y1 > reach:
            return
        cell = cell_under(view.lines[number], label.box, bottom)
        if cell is None:
            continue
        if cell.box.y0 - bottom.y1 > reach or not view.label_words.isdisjoint(cell.words):
            return
        bottom = cell.box
        yield view.lines[number], cell


def party_below(view: View, label: Label) -> list[Proposal]:
    """The name in the block that a label heads ("Bill to", "Seller"): beside the block's own label for a name, or its first line.

    Other labels of the block ("Number:", "Address:") are passed over with what stands beside them.
    """
    named: list[int] = []
    for line, cell in _cells_below(view, label):
        words = [i for i in line.words if view.page.words[i].box.x0 >= cell.box.x0]
        head, colon, _ = " ".join(view.page.words[i].text for i in words).partition(":")
        if colon and not named:
            if current().is_one("name_labels", head):
                named = _whole_cell(view, view.line_of[words[0]], words[len(head.split()):])
                break
            continue
        if colon or not is_name(cell.text) or (reads_like_label(cell.text) and not has_legal_form(cell.text)):
            break
        # a salutation stands above the name, and the legal form ends it
        saluted, legal = current().is_one("salutations", head_of(view.page, named)), has_legal_form(cell.text)
        if named and not (saluted or (legal and len(named) < MOST_NAME_WORDS)):
            break
        named += cell.words
        if legal:
            break
    cut = trimmed(view.page, named)
    return [cut] if cut is not None and is_name(cut.text) else []


def _whole_cell(view: View, number: int, words: list[int]) -> list[int]:
    """A value beside its label, with the lines right above and below that begin where it does: a cell of several lines."""
    if not words:
        return words
    whole = list(words)
    first = view.page.words[words[0]].box
    for step in (-1, 1):
        edge, at = first, number + step
        while 0 <= at < len(view.lines) and len(view.lines[at].segments) == 1:
            part = view.lines[at].segments[0]
            gap = max(edge.y0 - part.box.y1, part.box.y0 - edge.y1)
            if abs(part.box.x0 - first.x0) > first.height / 2 or gap > CELL_GAP * first.height or not is_name(part.text):
                break
            whole = [*part.words, *whole] if step < 0 else [*whole, *part.words]
            edge, at = part.box, at + step
    return whole


def head_of(page: Page, words: Sequence[int]) -> str:
    return " ".join(page.words[i].text for i in words)


def is_name(text: str) -> bool:
    """Whether a text may name a person or business: letters, and more of them than digits."""
    letters, digits = sum(c.isalpha() for c in text), sum(c.isdigit() for c in text)
    first = next((c for c in text if c.isalnum()), "x")
    if first.islower():
        return False
    return letters >= 2 and letters > digits and len(text.split()) <= LONGEST_NAME and not text.startswith("(")


def cell_under(line: Line, header: Box, bottom: Box) -> Segment | None:
    """The segment of a lower line that stands in the column of ``header``."""
    if line.box.y1 <= bottom.y1:
        return None
    fitting = [part for part in line.segments if part.box.y0 >= header.y1 - header.height // 2 and labels.aligned(header, part.box)]
    if not fitting:
        return None
    return max(fitting, key=lambda part: (lines.overlap(header.x0, header.x1, part.box.x0, part.box.x1), -part.box.x0))


def _values_of(view: View, spec: FieldSpec, cell: Segment) -> list[Proposal]:
    if spec.type in TEXTUAL:
        cut = trimmed(view.page, cell.words)
        return [cut] if cut and not reads_like_label(cut.text) else []
    run = typed.Run(view.page, cell.words)
    return [Proposal(m.text, m.words, 1.0 if not m.before else 0.7) for m in typed.values(run, spec, view.locale)]
