"""Small files made to stop a day: floods of words, pages that share one stream, bombs, names and texts that attack what handles them.

``make`` writes them, ``CONTRACT`` has a field of every kind, so that each text meets every expression that looks for values, and
``ordinary`` writes documents that must come out right beside them.
"""

from __future__ import annotations

import gzip
import io
import os
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from octavo.model.contracts import Contract
from tests.documents import line, make_zip, stream, tar_bytes, text_pdf, written_pdf

CONTRACT = Contract.model_validate({
    "name": "hostile", "title": "Hostile files", "locale": {"languages": ["en", "de"], "currency": "GBP "},
    "chunking": {"strategy": "layout"},
    "match": ["Total", "/(x+x+)+y/"],
    "fields": {
        "number": {"type": "identifier", "labels": ["Number"], "pattern": r"(?:\w+-?)+\d"},
        "date": {"type": "date", "labels": ["Date"]},
        "total": {"type": "money", "labels": ["Total"]},
        "rate": {"type": "percentage", "labels": ["Rate"]},
        "quantity": {"type": "number", "labels": ["Quantity"]},
        "pages": {"type": "integer", "labels": ["Pages"]},
        "currency": {"type": "currency", "labels": ["Currency"]},
        "phone": {"type": "phone", "labels": ["Phone"]},
        "email": {"type": "email", "labels": ["Email"]},
        "site": {"type": "url", "labels": ["Site"]},
        "seller": {"type": "name", "labels": ["Seller"], "place": "top"},
        "address": {"type": "address", "labels": ["Address"]},
        "remark": {"labels": ["Remark"], "pattern": r"(a+)+b"},
        "reference": {"labels": ["Reference"], "find": r"R(?:\d+\s?)+Z"},
        "paid": {"type": "boolean", "labels": ["Paid"]},
        "items": {"type": "list", "fields": {
            "item": {"labels": ["Item"]}, "amount": {"type": "money", "labels": ["Amount"]},
        }},
        "pairs": {"type": "pairs"},
    },
    "gate": {"min_pattern_share": 0},
})
LABELS = [spec.labels[0] for _, spec in CONTRACT.leaves() if spec.labels]

Maker = Callable[[Path], object]
FONT = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
A4 = (595, 842)
FORM = "/Type /XObject /Subtype /Form /BBox [0 0 595 842]"
GREY = "/Type /XObject /Subtype /Image /BitsPerComponent 8 /ColorSpace /DeviceGray"
TILES = "/PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 1 1] /XStep 0.001 /YStep 0.001 /Resources << >>"
# A flood has as many words as a page may have, nearly.
FLOOD = 19_500
# The longest side that a page may have, in points; PDF 1.7, annex C.
LONG = 14_400
# Enough of a proper text that a run in it does not make the page one whose text layer is not trusted.
PROSE = ("The", "goods", "were", "delivered", "to", "the", "customer", "in", "the", "harbour", "on", "time", "and", "are", "paid", "for")


def ordinary(folder: Path) -> dict[str, dict[str, str]]:
    """Write three documents that nothing is wrong with: name → their values by field."""
    expected = {}
    for at, (number, total) in enumerate([("A-1001", "17.60"), ("B-2002", "1250.00"), ("C-3003", "8.25")]):
        name = f"ordinary-{at}.pdf"
        text_pdf(folder / name, [["HARBOUR COFFEE LTD", f"Number: {number}", f"Date: {12 + at} March 2026", f"Total: {total}"]])
        expected[name] = {"number": number, "date": f"2026-03-{12 + at}", "total": total}
    return expected


def pressed(content: str, entries: str = "") -> str:
    """A compressed stream object's body."""
    return stream(zlib.compress(content.encode("latin-1"), 9).decode("latin-1"), f"/Filter /FlateDecode {entries}")


def pdf(
    path: Path, content: str | Sequence[str], pages: int = 1, size: tuple[float, float] = A4, objects: Sequence[str] = (),
    resources: str = "", page: str = "",
) -> Path:
    """A PDF whose pages all share the content streams; ``objects`` are numbered from ``pages`` + 4 + the number of streams."""
    streams = [content] if isinstance(content, str) else content
    first = pages + 4
    shared = " ".join(f"{first + n} 0 R" for n in range(len(streams)))
    box = f"/MediaBox [0 0 {size[0]} {size[1]}]"
    held = f"/Resources << /Font << /F1 3 0 R >> {resources} >> /Contents [{shared}] {box} {page}"
    return written_pdf(path, [
        "<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{' '.join(f'{n + 4} 0 R' for n in range(pages))}] /Count {pages} >>",
        FONT, *[f"<< /Type /Page /Parent 2 0 R {held} >>"] * pages, *(pressed(one) for one in streams), *objects,
    ])


def words(places: Iterable[tuple[str, float, float, float]], before: str = "") -> str:
    return "".join(line(text, round(x, 2), round(y, 2), size, before) for text, x, y, size in places)


def _random(count: int, texts: Sequence[str] = ("Total", "17.60", "12/03/2026", "A-1001", "word", "Date"), seed: int = 1) -> str:
    chance = random.Random(seed)
    return words((chance.choice(texts), chance.uniform(0, 560), chance.uniform(0, 830), chance.uniform(2, 14)) for _ in range(count))


def _table(columns: int, rows: int, text: Callable[[int, int], str], size: float = 2) -> str:
    return words(
        (text(row, column), 5 + column * 585 / columns, 835 - row * 830 / rows, size) for row in range(rows) for column in range(columns)
    )


def _turned(count: int) -> str:
    chance = random.Random(2)
    return "".join(
        f"BT /F1 6 Tf {c:.3f} {s:.3f} {-s:.3f} {c:.3f} {chance.uniform(0, 595):.1f} {chance.uniform(0, 842):.1f} Tm "
        f"(Total 1.{n % 90 + 10}) Tj ET\n"
        for n in range(count) for c, s in [(chance.uniform(-1, 1), chance.uniform(-1, 1))]
    )


def _grid(lines: int) -> str:
    step = 800 / lines
    across = "".join(f"10 {10 + n * step:.2f} m 580 {10 + n * step:.2f} l S\n" for n in range(lines))
    return "0.1 w\n" + across + "".join(f"{10 + n * 570 / lines:.2f} 10 m {10 + n * 570 / lines:.2f} 810 l S\n" for n in range(lines))


def _boxes(count: int) -> str:
    return "0.2 w\n" + "".join(f"{n % 100 * 5.9} {n // 100 * 8} 4 4 re S\n" for n in range(count))


def _picture(path: Path, size: tuple[int, int], pixels: int) -> None:
    image = Image.new("L", size, 255)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(pixels)
    text = "Total 17.60 Date 12/03/2026 Number A-1001 " * (size[0] // pixels // 18)
    for y in range(10, size[1] - pixels, pixels + 4):
        draw.text((10, y), text, font=font, fill=0)
    image.save(path)


WORD_FLOODS: dict[str, Maker] = {
    "flood-line.pdf": lambda path: pdf(path, words((f"{n % 90 + 10}", n * LONG / 4500, 100, 2) for n in range(4500)), size=(LONG, 200)),
    "flood-column.pdf": lambda path: pdf(path, words((f"Total {n}.50", 20, n * LONG / 4500, 2.5) for n in range(4500)), size=(200, LONG)),
    "flood-staircase.pdf": lambda path: pdf(path, words((f"w{n}", n * 0.58, n * 0.8, 6) for n in range(1000)) + _random(9000)),
    "flood-random.pdf": lambda path: pdf(path, _random(FLOOD)),
    "flood-overlapping.pdf": lambda path: pdf(path, words((f"w{n}", 300, 400, 12) for n in range(FLOOD))),
    "flood-same.pdf": lambda path: pdf(path, words(("Total", 300, 400, 12) for _ in range(FLOOD))),
    "flood-turned.pdf": lambda path: pdf(path, _turned(FLOOD // 2)),
    "flood-sizes.pdf": lambda path: pdf(path, words((f"w{n}", n * 37 % 590, n * 53 % 840, 2 + n % 90 / 3) for n in range(FLOOD // 2))),
    "flood-amounts.pdf": lambda path: pdf(path, _table(100, FLOOD // 100, lambda row, column: f"{row}.{column:02}")),
    "flood-labels.pdf": lambda path: pdf(path, _table(60, FLOOD // 60, lambda row, column: LABELS[(row + column) % len(LABELS)])),
    "flood-one-label.pdf": lambda path: pdf(path, _table(60, FLOOD // 60, lambda row, column: "Total")),
    "flood-labelled.pdf": lambda path: pdf(path, _table(60, FLOOD // 60, lambda row, column: f"{row}.50" if column % 2 else "Total:")),
    "flood-dates.pdf": lambda path: pdf(path, _table(60, FLOOD // 60, lambda row, column: f"{column % 28 + 1}/{row % 12 + 1}/2026")),
    "flood-letters.pdf": lambda path: pdf(path, _table(140, FLOOD // 140, lambda row, column: "abcdefgh"[column % 8], 3)),
    "flood-headers.pdf": lambda path: pdf(path, _table(20, FLOOD // 20, lambda row, column: "Amount" if column % 2 else "Item")),
    "flood-boxes.pdf": lambda path: pdf(path, _boxes(10_000) + _random(4000)),
    "flood-rulings.pdf": lambda path: pdf(path, _grid(1500) + _random(4000)),
    "flood-beyond.pdf": lambda path: pdf(path, _random(FLOOD + 5000)),
    "flood-picture.png": lambda path: _picture(path, (3500, 5000), 12),
}


def _heavy(operators: int) -> str:
    """Long curves that are stroked with wide transparent lines, each a page's worth of pixels."""
    return "60 w /G gs\n" + "".join(f"{n % 595} 0 m 0 {n % 842} 595 {n % 800} {n * 7 % 595} 842 c S\n" for n in range(operators))


SHARED_STREAMS: dict[str, Maker] = {
    "shared-words.pdf": lambda path: pdf(path, _random(1500), pages=120),
    "shared-flood.pdf": lambda path: pdf(path, _random(5000, seed=3), pages=100),
    "shared-drawing.pdf": lambda path: pdf(path, _heavy(60_000) + line("Total 17.60", 50, 50), pages=110,
                                           resources="/ExtGState << /G << /ca 0.5 /CA 0.5 /BM /Luminosity >> >>"),
    "shared-spaces.pdf": lambda path: pdf(path, " " * 50_000_000 + line("Total 17.60", 50, 50), pages=150),
    "shared-many-streams.pdf": lambda path: pdf(path, [line(f"Total {n}.60", 50, 20 + n) for n in range(700)], pages=100),
    "shared-scan.pdf": lambda path: pdf(
        path, "q 595 0 0 842 0 0 cm /P Do Q", pages=100, resources="/XObject << /P 105 0 R >>",
        objects=[pressed("\xff\x80" * 240_000, f"{GREY} /Width 600 /Height 800")],
    ),
    "shared-page.pdf": lambda path: written_pdf(path, [
        "<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{'3 0 R ' * 30_000}] /Count 30000 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>",
    ]),
}


def _png(path: Path, side: int, rows: int) -> None:
    """A PNG that declares ``side`` x ``side`` pixels of one bit, and has ``rows`` rows of them."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = b"\0" + b"\xff" * ((side + 7) // 8)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row * rows, 9)) + chunk(b"IEND", b""))


def _forms(path: Path, depth: int, calls: int, last: int) -> None:
    """Forms that each draw the next one some times; the last one draws form number ``last``."""
    first = 6  # the number of the first form, one page and one stream before it
    forms = []
    for n in range(1, depth + 1):
        drawn = first + (n if n < depth else last)
        forms.append(pressed(f"/X{n} Do " * calls, f"{FORM} /Resources << /XObject << /X{n} {drawn} 0 R >> >>"))
    end = pressed("0 0 10 10 re f", FORM)
    pdf(path, "/X0 Do " + line("Total 17.60", 50, 50), objects=[*forms, end], resources=f"/XObject << /X0 {first} 0 R >>")


def _annotations(path: Path, count: int) -> None:
    notes = f"<< /Type /Annot /Subtype /Square /Rect [10 10 500 500] /AP << /N {6} 0 R >> >> " * count
    pdf(path, line("Total 17.60", 50, 50), page=f"/Annots [{notes}]", objects=[pressed("1 0 0 rg 0 0 500 500 re f " * 50, FORM)])


def _tiff_loop(path: Path) -> None:
    """A TIFF whose first directory names itself as the next one."""
    values = {256: 8, 257: 8, 258: 8, 259: 1, 262: 1, 273: 4096, 278: 8, 279: 64}
    entries = [(tag, 4 if tag in (273, 279) else 3, 1, value) for tag, value in values.items()]
    body = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + struct.pack("<I", 8)
    path.write_bytes((b"II*\0\x08\0\0\0" + body).ljust(4096, b"\0") + b"\xff" * 64)


def _frames(path: Path, count: int, side: int = 4, **how: object) -> None:
    frames = [Image.new("L", (side, side), 255 - n % 2) for n in range(count)]
    frames[0].save(path, save_all=True, append_images=frames[1:], **how)


def _zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _again(data: bytes, wrap: Callable[[bytes], bytes], times: int) -> bytes:
    for _ in range(times):
        data = wrap(data)
    return data


ZEROS = bytes(200_000_000)
BOMBS: dict[str, Maker] = {
    "bomb-png-huge.png": lambda path: _png(path, 60_000, 10),
    "bomb-png-largest.png": lambda path: _png(path, 13_376, 13_376),
    "bomb-jpeg-size.jpg": lambda path: path.write_bytes(_jpeg().replace(struct.pack(">HH", 16, 16), struct.pack(">HH", 65_500, 65_500), 1)),
    "bomb-tiff-frames.tif": lambda path: _frames(path, 1000),
    "bomb-tiff-loop.tif": _tiff_loop,
    "bomb-gif-frames.gif": lambda path: _frames(path, 4000, duration=10),
    "bomb-webp-frames.webp": lambda path: _frames(path, 1000, 16, duration=10),
    "bomb-apng-frames.png": lambda path: _frames(path, 2000, duration=10),
    "bomb-forms.pdf": lambda path: _forms(path, 12, 8, 12),
    "bomb-forms-recursive.pdf": lambda path: _forms(path, 3, 3, 0),
    "bomb-forms-deep.pdf": lambda path: _forms(path, 3000, 1, 3000),
    "bomb-inline.pdf": lambda path: pdf(
        path, f"q 500 0 0 500 0 0 cm BI /W 2000 /H 2000 /CS /G /BPC 8 ID {chr(128) * 4_000_000} EI Q\n" * 8,
    ),
    "bomb-annotations.pdf": lambda path: _annotations(path, 20_000),
    "bomb-font.pdf": lambda path: pdf(
        path, "BT /F2 12 Tf 50 50 Td (Total 17.60) Tj ET", resources="/Font << /F2 6 0 R >>", objects=[
            "<< /Type /Font /Subtype /TrueType /BaseFont /Big /FontDescriptor 7 0 R /FirstChar 32 /LastChar 33 /Widths [500 500] >>",
            "<< /Type /FontDescriptor /FontName /Big /Flags 4 /FontFile2 8 0 R >>",
            pressed("\0\1\0\0" + "\0" * 300_000_000, "/Length1 300000004"),
        ],
    ),
    "bomb-font-calls.pdf": lambda path: pdf(
        path, "BT /F2 12 Tf 50 50 Td (" + "A" * 20_000 + ") Tj ET", resources="/Font << /F2 6 0 R >>", objects=[
            "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 1 1] /FontMatrix [1 0 0 1 0 0] /FirstChar 65 /LastChar 65 /Widths [1] "
            "/Encoding << /Differences [65 /A] >> /CharProcs << /A 7 0 R >> /Resources << /Font << /F2 6 0 R >> >> >>",
            pressed("1 0 d0 BT /F2 1 Tf (AAAA) Tj ET 0 0 1 1 re f " * 50),
        ],
    ),
    "bomb-image.pdf": lambda path: pdf(
        path, "q 595 0 0 842 0 0 cm /P Do Q", resources="/XObject << /P 6 0 R >>",
        objects=[pressed("\0" * 200_000_000, f"{GREY} /Width 30000 /Height 30000")],
    ),
    "bomb-pattern.pdf": lambda path: pdf(
        path, "/Pattern cs /T scn 0 0 595 842 re f", resources="/Pattern << /T 6 0 R >>",
        objects=[pressed("0 0 1 1 re f", TILES)],
    ),
    "bomb-nested-array.pdf": lambda path: pdf(path, line("Total 17.60", 50, 50), page=f"/Odd {'[' * 200_000}{']' * 200_000}"),
    "bomb-content-depth.pdf": lambda path: pdf(path, "q " * 2_000_000 + "[" * 1_000_000 + line("Total 17.60", 50, 50)),
    "bomb-page-loop.pdf": lambda path: written_pdf(path, [
        "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1000000 >>",
        "<< /Type /Pages /Parent 2 0 R /Kids [2 0 R 3 0 R] /Count 1000000 >>",
    ]),
    "bomb-zeros.zip": lambda path: make_zip(path, {f"{n}.pdf": ZEROS for n in range(3)}),
    "bomb-depths.zip": lambda path: path.write_bytes(_again(b"x", lambda data: _zipped({"a.zip": data, "b.zip": data}), 8)),
    "bomb-members.zip": lambda path: make_zip(path, {f"{n}.pdf": b"" for n in range(20_000)}),
    "bomb-same.zip": lambda path: path.write_bytes(_overlapping(500)),
    "bomb-members.tar": lambda path: path.write_bytes(tar_bytes({f"{n}.pdf": b"" for n in range(20_000)})),
    "bomb-zeros.tar.gz": lambda path: path.write_bytes(gzip.compress(tar_bytes({"a.pdf": ZEROS}))),
    "bomb-depths.gz": lambda path: path.write_bytes(_again(ZEROS, gzip.compress, 5)),
    "bomb-tar-depths.tar": lambda path: path.write_bytes(_again(b"x", lambda data: tar_bytes({"a.tar": data}), 20)),
}


def _jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (16, 16), 200).save(buffer, "JPEG")
    return buffer.getvalue()


def _overlapping(count: int) -> bytes:
    """A ZIP with one member's bytes that ``count`` entries of its directory name."""
    data = bytearray(_zipped({"00000.pdf": bytes(10_000_000)}))
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry = bytes(data[start:end])
    entries = b"".join(entry.replace(b"00000.pdf", b"%05d.pdf" % n) for n in range(count))
    tail = bytearray(data[end:])
    struct.pack_into("<HHI", tail, 8, count, count, len(entries))
    return bytes(data[:start]) + entries + bytes(tail)


def _named(name: str) -> Maker:
    return lambda path: text_pdf(path, [[f"Number: N-{sum(os.fsencode(name))}", "Total: 17.60"]])


HOSTILE_NAMES: dict[str, Maker] = {name: _named(name) for name in (
    "\x1b]52;c;aGVsbG8=\x07.pdf", "\x1b[2J\x1b[31mred.pdf", "two\nlines\r.pdf", "tab\tand\x01.pdf",
    "`touch owned`.pdf",
    "$(touch owned);&|.pdf", "invoice\u202efdp.exe.pdf", "zero\u200bwidth\u2066.pdf", f"{'long' * 62}.pdf", "..pdf", "....pdf", "-rf.pdf",
    "quotes' \" ''.pdf", "*?[a-z].pdf", "<img src=x onerror=alert(1)>.pdf", "{{ ds }}{% raw %}%s%n{0}.pdf", "a.zip!.pdf",
    "day=2026-01-01.pdf",
    "\udcff\udce9.pdf", "e\u0301\ufeff\u2028.pdf", "=cmd|' C calc'!A0.pdf", "null.pdf",
)}
HOSTILE_NAMES["names.zip"] = lambda path: make_zip(path, {
    name: b"%PDF-1.4\n" + name.encode("utf-8", "replace")
    for name in (
        "../../up.pdf", "/root.pdf", "..", "a/../../b.pdf", "C:\\x.pdf", "\x1b]52;c;aGk=\x07.pdf", "x" * 5000 + ".pdf", "a\\..\\b.pdf",
        "\u202efdp.pdf",
    )
})

# Runs that an expression may go over again and again: each almost says an amount, a date, an identifier, ...
RUNS = {
    "digits": "1", "spaces": " ", "commas": "1,", "dots": "1.", "groups": "111,", "groups-apart": "111 ", "apostrophes": "1'",
    "slashes": "1/", "hyphens": "1-", "brackets": "(", "squares": "[", "minuses": "-", "phone": "+1 (1) ", "mail": "a@a.",
    "mail-open": "a.a-a+", "site": "www.a.", "site-open": "a-a.", "dates": "12 Jan ", "months": "Jan", "clock": "1:1", "codes": "A-A-",
    "marks": "£$", "percents": "1%", "colons": "a:", "names": "Bakery Ltd & ", "letters": "a", "found": "1 ", "currency": "GBP ",
    "thousands": "1.111,", "underlines": "_ ", "times": "1 x ",
}


def _texts(run: str, length: int) -> Maker:
    """Each field's label with a run behind it; a run without spaces is one word."""
    held = {mark: f"\\{mark}" for mark in "()\\"}
    text = "".join(held.get(mark, mark) for mark in (run * length)[:length])
    places = [(f"{label}: R{text}!", 5.0, 800.0 - 20 * n, 4.0) for n, label in enumerate(LABELS)]
    prose = [(word, 20.0 + n % 60 * 60, 400.0 - n // 60 * 12, 8.0) for n, word in enumerate(PROSE * 40)]
    return lambda path: pdf(path, words([*places, *prose, ("Remark: ab" + "a" * 60, 5, 100, 6)]), size=(LONG, 842))


HOSTILE_TEXTS: dict[str, Maker] = {f"text-{name}.pdf": _texts(run, 1500) for name, run in RUNS.items()}
HOSTILE_TEXTS["text-pattern.pdf"] = lambda path: text_pdf(path, [[
    "Total: 17.60", "Remark: ab" + "a" * 50, f"Number: {'1-' * 25}!", "x" * 60,
]])

KINDS: dict[str, dict[str, Maker]] = {
    "word floods": WORD_FLOODS, "shared content streams": SHARED_STREAMS, "bombs": BOMBS, "hostile names": HOSTILE_NAMES,
    "hostile texts": HOSTILE_TEXTS,
}


def make(folder: Path, only: Collection[str] | None = None) -> dict[str, str]:
    """Write the files: name → kind.

    Args:
        only: names; None makes all.
    """
    made = {name: kind for kind, makers in KINDS.items() for name in makers if only is None or name in only}
    for name, kind in made.items():
        KINDS[kind][name](folder / name)
    return made
