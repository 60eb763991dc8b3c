"""A page's layout: its lines, its tables and the boxes that its rulings close; each is found when first asked for, and once."""

from __future__ import annotations

from functools import cached_property

from octavo.model.entities import Box, Page
from octavo.page import lines
from octavo.page.choices import Options
from octavo.page.level import levelled
from octavo.page.lines import Line, Segment
from octavo.page.ruling_boxes import boxes_of
from octavo.page.tables import Table, grouped_headers, level_tables


class PageLayout:
    """How the words of a page stand to each other. Words are indices into ``Page.words``; boxes are in pixels of the levelled page."""

    def __init__(self, given: Page) -> None:
        self.given = given

    @cached_property
    def page(self) -> Page:
        """The page, levelled: all that is looked for lies in rows and columns."""
        return levelled(self.given)

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """The lines, from the top down."""
        return lines.lines_of(self.page)

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """The tables, from the top down."""
        return level_tables(self.page, self.lines)

    @cached_property
    def composed(self) -> tuple[Segment, ...]:
        """Texts over several lines that may be one label: those of a narrow column, and a column's header with its group's."""
        return (*lines.stacked(self.page.words, self.lines), *grouped_headers(self.page, self.tables))

    @cached_property
    def height(self) -> float:
        """The height of a usual line, pixels."""
        return lines.line_height(self.page)

    @cached_property
    def line_of(self) -> dict[int, int]:
        """The number of the line that holds a word."""
        return {word: number for number, line in enumerate(self.lines) for word in line.words}

    @cached_property
    def segment_of(self) -> dict[int, Segment]:
        """The segment that holds a word."""
        return {word: part for line in self.lines for part in line.segments for word in part.words}

    @cached_property
    def boxes(self) -> dict[int, tuple[int, ...]]:
        """For each word in a box that rulings close, all words of that box, line by line."""
        held: dict[Box, list[int]] = {}
        boxes = boxes_of(self.page)
        for line in self.lines if boxes else ():
            near = [box for box in boxes if box.y0 < line.box.y1 and line.box.y0 < box.y1]
            for word in line.words if near else ():
                middle = self.page.words[word].box.center
                inside = [box for box in near if box.holds(middle)]
                if inside:
                    held.setdefault(min(inside, key=lambda box: box.width * box.height), []).append(word)
        return {word: tuple(words) for words in held.values() for word in words}

    @cached_property
    def options(self) -> Options:
        """The boxes to tick of the page."""
        return Options(self.page, self.given, self.lines)
