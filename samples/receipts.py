"""Receipts of shops that do not exist: narrow paper, printed in three ways, mostly scanned."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from decimal import Decimal

from samples.drawing import Sample, Scanner, Sheet, encode, scan_pdf

WIDTH = 80  # of the paper roll, millimetres


@dataclass(frozen=True)
class Shop:
    """Who prints the receipt, and how: date format, label of the total, currency mark, font."""

    name: str
    address: tuple[str, ...]
    phone: str
    date_format: str
    total_label: str
    currency: str
    font: str
    goods: tuple[tuple[str, str], ...]


GROCERIES = (
    ("WHOLEMEAL BREAD", "3.40"),
    ("MILK 1L", "1.95"),
    ("EGGS x10", "4.20"),
    ("RIPE BANANAS", "2.15"),
    ("GREEN TEA", "5.60"),
    ("OLIVE OIL 500ML", "11.90"),
    ("BROWN RICE 2KG", "8.35"),
    ("TOMATOES", "3.05"),
    ("BUTTER", "4.75"),
    ("OAT FLAKES", "2.80"),
)
HARDWARE = (
    ("WOOD SCREWS 4x40", "6.90"),
    ("PAINT BRUSH 2 IN", "4.50"),
    ("MASKING TAPE", "3.20"),
    ("SANDPAPER P120", "1.80"),
    ("LED BULB E27", "7.40"),
    ("HINGE BRASS", "5.15"),
    ("WALL PLUGS 50", "4.95"),
    ("CABLE TIES", "2.60"),
)
CAFE = (
    ("Flat white", "3.80"),
    ("Espresso", "2.40"),
    ("Almond croissant", "3.60"),
    ("Sandwich of the day", "7.50"),
    ("Fresh orange juice", "4.90"),
    ("Cheesecake slice", "5.20"),
    ("Mineral water", "2.10"),
)
BOOKS = (
    ("Notebook A5 dotted", "8.90"),
    ("Fountain pen ink", "12.50"),
    ("Paperback novel", "14.95"),
    ("Desk calendar", "9.80"),
    ("Gift wrap", "2.50"),
    ("Map of the valley", "6.40"),
)

SHOPS = (
    Shop(
        "HARBOUR LANE GROCERS",
        ("14 HARBOUR LANE", "KINGSFORD BAY", "70412 WESTMARK"),
        "03-555 0142",
        "%d/%m/%Y %H:%M",
        "TOTAL",
        "",
        "courier",
        GROCERIES,
    ),
    Shop(
        "TANGLEWOOD HARDWARE SDN BHD",
        ("NO. 27, JALAN CEMPAKA 3", "TAMAN SERI RIMBA", "43210 BANDAR LAMA"),
        "TEL: 03-5550 1177",
        "%d-%m-%Y %H:%M:%S",
        "TOTAL SALES (INCL. GST)",
        "RM",
        "helvetica",
        HARDWARE,
    ),
    Shop(
        "Cafe Quince & Clover",
        ("5 Mill Street", "Old Quarter", "Ferndale 2290"),
        "Phone 555 0168",
        "%d %b %Y %H:%M",
        "Grand Total",
        "$",
        "times",
        CAFE,
    ),
    Shop(
        "The Paper Lantern Bookshop",
        ("Unit 3, Orchard Row", "18 Station Road", "Little Wexham LW4 2QT"),
        "Tel. 01555 960 133",
        "%d %B %Y",
        "Total due",
        "GBP",
        "helvetica",
        BOOKS,
    ),
    Shop(
        "NORTHGATE MINI MARKET",
        ("88 NORTHGATE ROAD", "EASTHOLM 61350"),
        "TEL 555-0190",
        "%Y-%m-%d %H:%M",
        "TOTAL AMOUNT",
        "",
        "courier",
        GROCERIES,
    ),
    Shop(
        "BRIGHTWATER TOOL & TIMBER",
        ("LOT 9, RIVERSIDE ESTATE", "BRIGHTWATER", "80115 SOUTHMERE"),
        "TEL: 07-555 0119",
        "%d/%m/%y %H:%M",
        "Nett Total",
        "RM",
        "courier",
        HARDWARE,
    ),
)


def receipt(rng: random.Random, day: dt.date, number: int, suffix: str, scanner: Scanner | None, shop: Shop | None = None) -> Sample:
    """One receipt: shop, address, date, goods, total, and what the customer paid.

    Args:
        day: when it was delivered; it is printed up to one day earlier.
        number: of the document within the folder; becomes part of its name.
        suffix: .jpg, .png, .webp, .tif or .pdf.
        scanner: how it was scanned; None keeps the PDF's text.
    """
    shop = shop or SHOPS[number % len(SHOPS)]
    bought = dt.datetime.combine(
        day - dt.timedelta(days=rng.randint(0, 1)), dt.time(rng.randint(8, 20), rng.randint(0, 59), rng.randint(0, 59))
    )
    goods = [(name, Decimal(price), rng.choice((1, 1, 1, 2, 3))) for name, price in rng.sample(shop.goods, rng.randint(3, 6))]
    total = sum((price * count for _, price, count in goods), Decimal(0))
    tax = (total * 6 / 106).quantize(Decimal("0.01"))
    pdf = _draw(shop, bought, goods, total, tax, rng)
    data = pdf if scanner is None else encode(scan_pdf(pdf, rng, scanner), suffix)
    date = bought.date().isoformat()
    fields = {"company": shop.name, "date": date, "address": ", ".join(shop.address), "total": str(total)}
    return Sample("receipt", day, f"receipt_{number:04d}{suffix}", data, 1, scanner is not None, fields)


def _draw(
    shop: Shop, bought: dt.datetime, goods: list[tuple[str, Decimal, int]], total: Decimal, tax: Decimal, rng: random.Random
) -> bytes:
    sheet = Sheet(WIDTH, 92 + 9 * len(goods), shop.font)
    left, right, middle = 6.0, WIDTH - 6.0, WIDTH / 2
    y = 12.0
    sheet.write_at(middle, y, shop.name, 11 if len(shop.name) < 26 else 10, "B", "centre")
    for line in (*shop.address, shop.phone):
        y += 4.6
        sheet.write_at(middle, y, line, 9, align="centre")
    y += 8
    sheet.write_at(left, y, f"Receipt no: {rng.randint(10_000, 99_999)}", 9)
    y += 4.6
    sheet.write_at(left, y, f"Date: {bought.strftime(shop.date_format)}", 9)
    y += 4.6
    sheet.write_at(left, y, f"Cashier: {rng.choice(('Ana', 'Ben', 'Chui', 'Dora'))}", 9)
    y += 3
    sheet.rule(left, y, right)
    for name, price, count in goods:
        y += 5.2
        sheet.write_at(left, y, name, 9)
        sheet.write_at(right, y, f"{price * count:.2f}", 9, align="right")
        if count > 1:
            y += 4.2
            sheet.write_at(left + 4, y, f"{count} @ {price:.2f}", 8)
    y += 3
    sheet.rule(left, y, right)
    y += 6
    sheet.write_at(left, y, "Subtotal", 9)
    sheet.write_at(right, y, f"{total - tax:.2f}", 9, align="right")
    y += 4.8
    sheet.write_at(left, y, "Tax 6%", 9)
    sheet.write_at(right, y, f"{tax:.2f}", 9, align="right")
    y += 6
    sheet.write_at(left, y, shop.total_label, 11 if len(shop.total_label) < 16 else 9, "B")
    sheet.write_at(right, y, f"{shop.currency} {total:.2f}".strip(), 11, "B", "right")
    paid = (total // 10 + 1) * 10
    for label, amount in (("Cash", paid), ("Change", paid - total)):
        y += 5.2
        sheet.write_at(left, y, label, 9)
        sheet.write_at(right, y, f"{amount:.2f}", 9, align="right")
    sheet.write_at(middle, y + 9, "THANK YOU, PLEASE COME AGAIN", 8, align="centre")
    return sheet.to_bytes()
