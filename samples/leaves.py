"""Single pages: a filled form, lecture notes, a page in two columns, and files that nobody can read."""

from __future__ import annotations

import datetime as dt
import random

from samples.drawing import Sample, Scanner, Sheet, encode, scan_pdf
from samples.invoices import invoice

FORM = (
    ("Name", "Rosalind Pike"),
    ("Date of request", "October 29, 2026"),
    ("Department", "Quality Control"),
    ("Telephone extension", "4417"),
    ("Supervisor", "T. Okonkwo"),
    ("Project code", "QX-208-B"),
    ("Sample type", "Coated paper"),
    ("Number of samples", "12"),
    ("Requested tests", "Gloss, tear strength, moisture"),
    ("Completion date", "November 12, 2026"),
    ("Approved by", "L. Marchetti"),
)
LECTURE = (
    (
        "Stacks",
        "A stack gives back the item that was added last. Adding and removing both take constant time, since only the "
        "top of the stack is ever touched.",
    ),
    (
        "Queues",
        "A queue gives back the item that has waited longest. A ring of fixed size serves as a queue without ever moving its items.",
    ),
    (
        "Hash tables",
        "A hash table finds an item by its key. The hash of the key names a bucket, and a good hash spreads keys evenly over the buckets.",
    ),
    (
        "Binary search trees",
        "A binary search tree keeps smaller keys on the left and larger ones on the right. Balanced trees answer a "
        "search in logarithmic time.",
    ),
)
COLUMNS = (
    (
        "The old ferry",
        "For ninety years the ferry of Lower Marsh crossed the river eleven times a day. It carried farmers, cattle "
        "and twice a circus. When the bridge was "
        "opened the council voted to keep the boat as a museum, and volunteers repaired the hull over three winters.",
    ),
    (
        "Visiting",
        "The ferry lies at the north pier and is open from April to October. Tickets cost four crowns for adults and "
        "one crown for children. Groups of more than "
        "ten people should write to the harbour office a week ahead.",
    ),
    (
        "The engine",
        "The engine was built in the same town and ran on coal until it was changed to oil. Its two cylinders turn "
        "slowly, and on summer Sundays visitors can "
        "watch the crew start it by hand.",
    ),
    (
        "Next year",
        "A second room will show the tools of the boat builders. The society looks for photographs of the crossing, "
        "above all from the years before the road was "
        "paved, and returns every picture after copying it.",
    ),
)


def form(rng: random.Random, day: dt.date, number: int, scanner: Scanner) -> Sample:
    """A scanned form: labels in print, what was filled in beside them."""
    sheet = Sheet(215.9, 279.4, "times")
    sheet.write_at(108, 25, "REQUEST FOR LABORATORY ANALYSIS", 15, "B", "centre")
    y = 45.0
    for key, value in FORM:
        sheet.write_at(25, y, f"{key}:", 11, "B")
        sheet.write_at(90, y, value, 11, family="courier")
        sheet.rule(88, y + 1.5, 190)
        y += 13
    sheet.write_at(25, y + 8, "Return this form to the laboratory office.", 10, "I")
    images = scan_pdf(sheet.to_bytes(), rng, scanner, 150)
    fields = {"pairs": [{"key": f"{key}:", "value": value} for key, value in FORM]}
    return Sample("form", day, f"form_{number:04d}.png", encode(images, ".png", 150), 1, True, fields)


def lecture(day: dt.date, number: int) -> Sample:
    """A page of lecture notes with a heading per topic."""
    sheet = Sheet()
    sheet.write_at(20, 25, "Lecture 4: Data structures", 18, "B")
    sheet.write_at(20, 33, "Introduction to Computing, autumn term", 10, "I")
    y = 50.0
    for count, (topic, text) in enumerate(LECTURE, 1):
        sheet.write_at(20, y, f"{count}. {topic}", 14, "B")
        y = sheet.paragraph(20, y + 8, 165, text, 11, 6) + 10
    fields = {"topics": [{"name": topic} for topic, _ in LECTURE]}
    return Sample("lecture_notes", day, f"lecture_{number:04d}.pdf", sheet.to_bytes(), 1, False, fields)


def two_columns(day: dt.date, number: int) -> Sample:
    """A page in two columns; ``text`` is its reading order."""
    sheet = Sheet(family="times")
    sheet.write_at(105, 25, "The Lower Marsh Courier", 22, "B", "centre")
    sheet.rule(20, 30, 190)
    for x, articles in ((20, COLUMNS[:2]), (109, COLUMNS[2:])):
        y = 42.0
        for title, text in articles:
            sheet.write_at(x, y, title, 13, "B")
            y = sheet.paragraph(x, y + 7, 80, text, 11, 5.4) + 8
    text = " ".join(["The Lower Marsh Courier", *(part for article in COLUMNS for part in article)])
    return Sample("generic", day, f"courier_{number:04d}.pdf", sheet.to_bytes(), 1, False, text=text)


def unreadable(rng: random.Random, day: dt.date) -> list[Sample]:
    """Files that end in quarantine, one for each way in which deliveries go wrong."""
    locked = invoice(rng, day, 900, "en", 6, password="not-for-octavo")
    whole = invoice(rng, day, 901, "de", 6).data
    page = (
        b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>"
        b"<body><h1>Bad Gateway</h1><p>The upstream did not answer.</p></body></html>\n"
    )
    return [
        _bad(day, "empty.pdf", b"", "empty_file"),
        _bad(day, "locked.pdf", locked.data, "password_required"),
        _bad(day, "cut_off.pdf", whole[: len(whole) * 2 // 5], "truncated"),
        _bad(day, "error_page.pdf", page, "mislabelled"),
    ]


def _bad(day: dt.date, name: str, data: bytes, reason: str) -> Sample:
    return Sample("invoice", day, name, data, 0, False, outcome="quarantined", reason=reason)
