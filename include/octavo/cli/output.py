"""What a person sees on the terminal: progress, the result of runs, the fields of a document."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from PIL import Image
from rich.cells import cell_len
from rich.console import Console, Group
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from upath import UPath

from octavo.chunking.stage import cut
from octavo.model import entities
from octavo.model.contracts import Chunking
from octavo.model.entities import Chunk, Outcome, Page, Verdict
from octavo.model.errors import SettingsError
from octavo.model.printing import fit_to_print
from octavo.model.settings import Settings
from octavo.page.rendering import page_image
from octavo.page.tables import Table as PageTable
from octavo.page.tables import tables_of
from octavo.publishing import ledger
from octavo.reading.store import published
from octavo.storage import fs, schemas
from octavo.storage.lake import Lake
from octavo.views import document as inspected
from octavo.views import files
from octavo.views.document import DocumentView, RecordView
from octavo.views.sources import DocumentDay, partition_of
from octavo.workflows import pipeline
from octavo.workflows.remerge import Preview

# Losing values that fit a terminal; `show --json` prints them all.
SHOWN_LOSERS = 2
# Changed fields that a preview lists; `--json` has them all.
SHOWN_CHANGES = 40
# Columns of output that is no terminal.
PLAIN_WIDTH = 160
# Characters that a column of long texts needs at least to be read.
LEAST_COLUMN = 14
LINE_SECONDS = 10.0          # between two lines of progress in a log
WORTH_A_LINE_SECONDS = 1.0   # of a stage that is done
_C1 = re.compile(r"[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069]")  # json itself escapes all below a blank
COLOURS = {Verdict.ACCEPTED: "green", Verdict.UNSUPPORTED: "red", Verdict.CONFLICTING: "red"}


@contextmanager
def stage_progress(console: Console, title: str) -> Iterator[entities.Progress]:
    """How far each stage is: a bar on a terminal, else a line every ``LINE_SECONDS`` and one for each stage that took long enough."""
    told = _Bars(console, title) if console.is_terminal else _LogLines(console, title)
    with told:
        try:
            yield told.tell
        except KeyboardInterrupt:
            console.print(f"{title}: {told.state}", highlight=False, soft_wrap=True)
            raise


class _LogLines:
    """Progress where there is no terminal: what a log can hold."""

    def __init__(self, console: Console, title: str) -> None:
        self._console, self._title = console, title
        self._began = self._told = time.monotonic()
        self.state = "nothing was begun"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None

    def tell(self, stage: str, done: int, total: int, unit: str) -> None:
        """``done`` of ``total`` are done; a stage begins with 0 and ends with all."""
        now = time.monotonic()
        if not self.state.startswith(f"{stage}: "):
            self._began = self._told = now
        self.state = f"{stage}: {done:,} of {total:,} {unit}"
        if now - self._told >= LINE_SECONDS or (done == total and now - self._began >= WORTH_A_LINE_SECONDS):
            self._told = now
            self._console.print(f"{self._title}  {self.state}, {now - self._began:,.0f} s", highlight=False, soft_wrap=True)


class _Bars(_LogLines):
    """Progress on a terminal: a bar for each stage."""

    def __init__(self, console: Console, title: str) -> None:
        super().__init__(console, title)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[unit]}"))
        self._bars = Progress(*columns, TimeElapsedColumn(), console=console)
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bars.stop()

    def tell(self, stage: str, done: int, total: int, unit: str) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(f"{self._title} {stage}", total=total, unit=unit)
        self._bars.update(self._tasks[stage], completed=done)
        self.state = f"{stage}: {done:,} of {total:,} {unit}"


def records(
    console: Console, names: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None, right: Collection[str] = (),
) -> None:
    """Print rows as a table or, where the console is too narrow for one, each as a block: its first cell, and the others by name below.

    Args:
        names: of the columns.
        rows: cells in the order of ``names``, as rich's markup.
        right: columns of numbers.
    """
    table = Table(title=title, title_justify="left")
    for name in names:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    cells = [[Text.from_markup(cell) for cell in row] for row in rows]
    for row in cells:
        table.add_row(*row)
    widths = [max([cell_len(line) for cell in (Text(name), *column) for line in cell.plain.split("\n")])
              for name, *column in zip(names, *cells, strict=True)]
    if sum(min(width, LEAST_COLUMN) for width in widths) + 3 * len(names) + 1 <= console.width:
        console.print(table)
        return
    if title:
        console.print(title, style="italic")
    for row in cells:
        console.print(_block(names, row, console.width))


def _block(names: Sequence[str], row: Sequence[Text], width: int) -> Group:
    """One row: short cells side by side, long ones on lines of their own. Empty cells are left out."""
    head, *named = [(name, cell) for name, cell in zip(names, row, strict=True) if cell.plain]
    lines = [Text.assemble((head[1].plain, "bold"))]
    room = 0
    for name, cell in named:
        part = Text.assemble((f"{name} ", "dim"), cell)
        short = "\n" not in cell.plain and part.cell_len <= width // 3
        if short and part.cell_len + 2 <= room:
            lines[-1].append("  ").append_text(part)
            room -= part.cell_len + 2
        else:
            lines.append(part)
            room = width - 2 - part.cell_len if short else 0
    first, *rest = lines
    return Group(first, *(Padding(line, (0, 0, 0, 2)) for line in rest))


class CleanConsole(Console):
    """Sends a terminal nothing that it would obey, whatever documents and their names hold. All texts come through ``render_str``."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(fit_to_print(text, keep="\n\t"), **options)

    def json(self, value: Any) -> None:
        """One line of JSON, in which what is not fit to print is escaped as JSON does it."""
        line = json.dumps(value, default=str, ensure_ascii=False)
        self.file.write(_C1.sub(lambda found: f"\\u{ord(found[0]):04x}", line) + "\n")


def console(*, stderr: bool = False) -> CleanConsole:
    """A console as wide as the terminal, or wide enough for our tables when the output goes to a file."""
    made = CleanConsole(stderr=stderr)
    return made if made.is_terminal else CleanConsole(stderr=stderr, width=PLAIN_WIDTH)


def runs(console: Console, results: Sequence[pipeline.DayResult], settings: Settings) -> None:
    """One line per day, then the quarantined files, then where the tables are."""
    rows = []
    for result in results:
        summary, merged = pipeline.summarise([result]), result.counts("merge")
        numbers = [str(summary[name]) for name in ("documents", "pages", "quarantined", "reads", "read_hits")]
        rows.append((
            result.partition.contract,
            result.partition.day.isoformat(),
            *numbers,
            str(merged.get("fields", 0)),
            str(merged.get(Verdict.ACCEPTED, 0)),
            "[green]yes[/green]" if result.published else "[red]no[/red]",
        ))
    counted = ("documents", "pages", "quarantined", "reads", "read hits", "fields", "accepted")
    records(console, ("contract", "day", *counted, "published"), rows, title="runs", right=counted)
    lake = Lake(UPath(settings.lake))
    for result in results:
        if spent := _spent(ledger.of_run(lake, result.partition, result.run)):
            console.print(f"{result.partition.contract} {result.partition.day}: {spent}", highlight=False, soft_wrap=True)
        for row in quarantined(lake, result):
            console.print(f"quarantined  {escape(row['uri'])}  [yellow]{row['reason']}[/yellow]", highlight=False, soft_wrap=True)
    console.print(f"lake: {settings.lake}", highlight=False, soft_wrap=True)


def written(console: Console, page: Path, pages: int, total: int) -> None:
    """A document was written into one file, with so many of its pages."""
    left_out = f"; of {total:,} only the first {files.MOST_PAGES:,} are shown" if total > files.MOST_PAGES else ""
    console.print(f"{page}  {pages:,} pages{left_out}", highlight=False, soft_wrap=True)


def previews(console: Console, contract: str, found: Sequence[Preview]) -> None:
    """What a remerge would change: the verdicts by day, then the fields of which something changes, at most ``SHOWN_CHANGES``."""
    table = Table(title="nothing is published; a remerge would change", title_justify="left")
    for name in ("contract", "day", "fields", "changed", "accepted", "accepted then"):
        table.add_column(name, justify="left" if name in ("contract", "day") else "right")
    for one in found:
        accepted = [sum(n for pair, n in one.verdicts.items() if pair[side] == Verdict.ACCEPTED) for side in (0, 1)]
        table.add_row(contract, str(one.day), str(one.verdicts.total()), str(len(one.changes)), *map(str, accepted))
    console.print(table)
    changes = [change for one in found for change in one.changes]
    for change in changes[:SHOWN_CHANGES]:
        before, after = (f"{value or '–'} ({verdict or 'none'})" for value, verdict in (
            (change.value, change.verdict), (change.new_value, change.new_verdict)))
        name = change.uri.rpartition("/")[2]
        field = entities.name_of(change.record, change.field)
        console.print(f"{escape(name)}  {escape(field)}: {escape(before)} → {escape(after)}", highlight=False, soft_wrap=True)
        if change.new_reason:
            console.print(f"    [dim]{escape(change.new_reason)}[/dim]", highlight=False, soft_wrap=True)
    if len(changes) > SHOWN_CHANGES:
        console.print(f"and {len(changes) - SHOWN_CHANGES:,} more; --json has them all", highlight=False)


def quarantined(lake: Lake, result: pipeline.DayResult) -> list[dict[str, Any]]:
    """The run's quarantined documents, from the ledger."""
    path = lake.table("ledger", result.partition)
    rows = fs.read_table(path, where=("run", result.run)).to_pylist() if path.exists() else []
    return [row for row in rows if row["level"] == "document" and row["outcome"] == Outcome.QUARANTINED]


def document(console: CleanConsole, settings: Settings, found: Sequence[Named], as_json: bool) -> None:
    """The fields of published documents, what people said of them, and pages that were not read."""
    lake = Lake(UPath(settings.lake))
    for path, row in found:
        fields = fs.read_table(_beside(lake, path, "fields"), where=("document", row["document"])).to_pylist()
        place = DocumentDay(settings, partition_of(path))
        view = inspected.load(place, row["document"])
        _print_document(console, view, fields, as_json)
        for line in _beside_the_fields(place, view) if not as_json else ():
            console.print(escape(line), highlight=False, soft_wrap=True)
        path = _beside(lake, path, "ledger")
        if not as_json and path.exists():
            ends = fs.read_table(path, where=("document", row["document"])).to_pylist()
            latest = [end for end in ends if end["level"] == "document" and end["uri"] == row["uri"]][-1:]
            if spent := _spent(latest[0] if latest else {}):
                console.print(spent, highlight=False, soft_wrap=True)


def tables(console: Console, settings: Settings, found: Sequence[Named], as_json: bool) -> None:
    """The tables found on the pages of published documents; empty cells have no text.

    Raises:
        SettingsError: the words of one are not kept any more.
    """
    for path, row in found:
        place = DocumentDay(settings, partition_of(path))
        for frame in sorted(place.rows("pages", row["document"]), key=lambda frame: frame["page"]):
            if frame["outcome"] == Outcome.QUARANTINED:
                console.print(f"page {frame['page']} was not read: {frame['reason']}", highlight=False)
                continue
            chunks = [chunk for chunk in place.rows("chunks", row["document"]) if chunk["page"] == frame["page"]]
            read = published(settings.reading_store, row["document"], frame, chunks)
            if read is None:
                kept = settings.reading_store
                raise SettingsError(f"the words of {row['uri']} are not in {kept}; run the document again to see its tables")
            for number, table in enumerate(tables_of(read[0]), 1):
                if as_json:
                    console.file.write(json.dumps({"uri": row["uri"], **page_table(read[0], number, table)}, ensure_ascii=False) + "\n")
                else:
                    print_table(console, read[0], number, table)


def page_table(page: Page, number: int, found: PageTable) -> dict[str, Any]:
    """A page's table as JSON has it."""
    cells = [
        {"text": " ".join(page.words[word].text for word in cell.words), "rows": cell.rows, "columns": cell.columns, "box": cell.box}
        for cell in found.cells
    ]
    return {"page": page.number, "table": number, "box": found.box, "header_rows": found.header_rows, "cells": cells}


def print_table(console: Console, page: Page, number: int, found: PageTable) -> None:
    """A page's table as a table."""
    texts = {cell: " ".join(page.words[word].text for word in cell.words) for cell in found.cells}
    rows, columns = len(found.ys) - 1, len(found.xs) - 1
    shown = Table(title=f"page {page.number}, table {number}: {rows} rows, {columns} columns", title_justify="left", show_header=False)
    for _ in range(columns):
        shown.add_column(overflow="fold")
    for row in range(rows):
        shown_texts = [""] * columns
        for cell in found.row(row):
            if cell.rows[0] == row:
                shown_texts[cell.columns[0]] = escape(texts[cell])
        shown.add_row(*shown_texts, style="bold" if row < found.header_rows else None, end_section=row == found.header_rows - 1)
    console.print(shown)


def _beside_the_fields(place: DocumentDay, view: DocumentView) -> Iterator[str]:
    """Pages that were not read, and what people said: what the tables have, and what they will have."""
    for page in place.rows("pages", view.document):
        if page["outcome"] == Outcome.QUARANTINED:
            yield f"page {page['page']} was not read: {page['reason']}"
    if view.claimable is not None:
        yield f"in no field: {len(view.unclaimed)} of {view.claimable} tables, columns and labelled values"
    for part in view.unclaimed:
        yield f"  page {part['page']}  {part['kind']}  {part['text']}  {part['x0']},{part['y0']},{part['x1']},{part['y1']}"
    for said in (*view.corrections, *view.waiting.values()):
        waits = "; counts from the day's next run, or octavo remerge" if said in view.waiting.values() else ""
        name = entities.name_of(said["record"], said["field"])
        yield f"{name}: {said['value'] or 'no such value'} ({said['action']} by {said['by']}, {said['said']}{waits})"


def _spent(row: dict[str, Any]) -> str:
    """What a model took for one row of the ledger, in words; empty where none was used."""
    asked, known = row.get("chunks_asked"), row.get("chunks_cached")
    if asked is None:
        return ""
    tokens = f"{row['prompt_tokens']:,} prompt tokens, {row['completion_tokens']:,} tokens of answers"
    cost = f", cost {row['cost']:,.4f}" if row["cost"] else ""
    return f"model: {asked} chunks asked, {known} known before; {tokens}, {row['seconds']:,.1f} s with reading{cost}"


Named = tuple[UPath, dict[str, Any]]
"""A published document's row of the table ``documents``, and the file that it is in."""


def named(lake: Lake, wanted: str, contract: str | None = None) -> list[Named]:
    """Every published document that ``wanted`` names, with the file that lists it.

    Args:
        contract: only of this one; None takes all.

    Raises:
        SettingsError: the lake has no such document.
    """
    found = [
        (path, row)
        for path in sorted(lake.root.glob(f"documents/contract={contract or '*'}/day=*/part.parquet"))
        for row in fs.read_table(path).to_pylist()
        if (len(wanted) >= 6 and row["document"].startswith(wanted)) or row["uri"].endswith(wanted)
    ]
    if not found:
        of = f" of contract {contract}" if contract else ""
        raise SettingsError(f"no document {wanted!r}{of} in {lake.root}; give the end of its path or 6 or more characters of its sha256")
    return found


def _beside(lake: Lake, documents: UPath, table: str) -> UPath:
    """The file of another table of the same contract and day."""
    return lake.root / table / documents.parent.parent.name / documents.parent.name / documents.name


def chunks(console: Console, lake: Lake, found: Sequence[Named], settings: Settings, folder: Path, chunking: Chunking | None) -> None:
    """Write a picture of every page of published documents: its chunks, numbered, and its words.

    Args:
        folder: where the pictures go, as ``{document's name}-p{page}.png``.
        chunking: cut the pages by this rule instead of showing the published chunks.

    Raises:
        SettingsError: the words of one, which another cut needs, are not kept any more.
        Quarantined: the document is not any more what was read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path, row in found:
        by_page: dict[int, list[dict[str, Any]]] = {}
        for chunk in fs.read_table(_beside(lake, path, "chunks"), where=("document", row["document"])).to_pylist():
            by_page.setdefault(chunk["page"], []).append(chunk)
        for frame in fs.read_table(_beside(lake, path, "pages"), where=("document", row["document"])).to_pylist():
            if not frame["width"]:
                console.print(f"page {frame['page']} was not read: {frame['reason']}", highlight=False)
                continue
            picture, drawn = _overlay(row, frame, by_page.get(frame["page"], []), settings, chunking)
            target = folder / f"{UPath(row['uri']).stem}-p{frame['page']:04d}.png"
            picture.save(target)
            console.print(f"{target}  {len(drawn)} chunks", highlight=False, soft_wrap=True)


def _overlay(
    row: dict[str, Any], frame: dict[str, Any], rows: list[dict[str, Any]], settings: Settings, rule: Chunking | None,
) -> tuple[Image.Image, list[Chunk]]:
    """The picture of one page and the chunks on it."""
    drawn = [schemas.chunk_from_row(chunk) for chunk in rows]
    found = published(settings.reading_store, row["document"], frame, rows)
    page = found[0] if found else None
    if rule is not None and page is None:
        raise SettingsError(f"the words of {row['uri']} are not in {settings.reading_store}; run the document again to cut it another way")
    picture = page_image(UPath(row["uri"]), row["media_type"], page or schemas.page_from_row({**frame, "words": []}), settings.limits)
    if rule is not None and page is not None:
        drawn = cut(page, rule, lambda: picture)
    return files.draw_chunks(picture, [word.box for word in page.words] if page else [], drawn), drawn


def _print_document(console: CleanConsole, view: DocumentView, fields: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        for field in fields:
            console.json(field)
        return
    ended = f"{view.status} {view.reason or ''}".strip()
    of = f"{view.contract} {view.day}  {view.pages} pages  {ended}  {view.document[:12]}"
    console.print(f"[bold]{escape(view.uri)}[/bold]  {of}", highlight=False, soft_wrap=True)
    for record in view.records or [None]:
        heading(console, record)
        number = record.number if record else None
        _fields(console, (
            (field, [(box["page"], box["x0"], box["y0"], box["x1"], box["y1"]) for box in field["evidence"] or []])
            for field in fields if field.get("record") == number
        ))


def heading(console: Console, record: RecordView | None) -> None:
    """Which record follows, and what is doubtful about it as a whole; nothing where the document is one."""
    for line in (f"[bold]{record.title}[/bold]", *map(escape, record.problems)) if record else ():
        console.print(line, highlight=False, soft_wrap=True)


def merged(console: Console, fields: Iterable[dict[str, Any]]) -> None:
    """The fields that ``octavo merge`` yields, as one table."""
    named = ({**field, "field": entities.name_of(field.get("record"), field["field"])} for field in fields)
    _fields(console, ((field, [(field["page"], *box) for box in field["evidence"]]) for field in named))


def _fields(console: Console, fields: Iterable[tuple[dict[str, Any], Sequence[tuple[int, ...]]]]) -> None:
    """Print fields, each with its evidence as (page, x0, y0, x1, y1)."""
    rows = []
    for field, evidence in fields:
        colour = COLOURS.get(field["verdict"], "yellow")
        boxes = "\n".join(f"{page}  {','.join(map(str, box))}" for page, *box in evidence)
        name, value, support, why = (escape(str(field[name] or "")) for name in ("field", "value", "support", "reason"))
        lost = escape(losers(field["losers"] or []))
        rows.append((name, value, f"[{colour}]{field['verdict']}[/{colour}]", support, boxes, why, lost))
    records(console, ("field", "value", "verdict", "support", "evidence: page x0,y0,x1,y1", "why", "instead of"), rows)


def losers(losers: Sequence[dict[str, Any]]) -> str:
    """The first losing values with their reasons; the table holds them all."""
    shown = [f"{loser['value']} ({loser['reason']})" for loser in losers[:SHOWN_LOSERS]]
    more = len(losers) - SHOWN_LOSERS
    return "\n".join([*shown, f"and {more} more"] if more > 0 else shown)
