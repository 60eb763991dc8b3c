"""Invoices of companies that do not exist, in English and in German, with items over two pages or on one."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from decimal import Decimal

from samples.drawing import Sample, Scanner, Sheet, encode, scan_pdf

ROWS_FIRST, ROWS_NEXT = 24, 34  # rows that fit on the first page and on a following one
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Wording:
    """How one language prints an invoice: labels, date and number format."""

    title: str
    number: str
    date: str
    due: str
    to: str
    columns: tuple[str, str, str, str]
    net: str
    tax: str
    total: str
    paid: str
    payable: str
    page: str
    carry: str
    date_format: str
    decimal: str
    rate: int

    def amount(self, value: Decimal) -> str:
        text = f"{value:,.2f}"
        return text if self.decimal == "." else text.translate(str.maketrans(",.", ".,"))


ENGLISH = Wording(
    "INVOICE",
    "Invoice number",
    "Invoice date",
    "Due date",
    "Bill to",
    ("Description", "Qty", "Unit price", "Amount"),
    "Subtotal",
    "VAT 20%",
    "Total",
    "Paid in advance",
    "Amount due",
    "Page",
    "Carried forward",
    "%d %B %Y",
    ".",
    20,
)
GERMAN = Wording(
    "RECHNUNG",
    "Rechnungsnummer",
    "Rechnungsdatum",
    "Fällig am",
    "Rechnungsempfänger",
    ("Bezeichnung", "Menge", "Einzelpreis", "Betrag"),
    "Nettobetrag",
    "MwSt. 19 %",
    "Gesamtbetrag",
    "Anzahlung",
    "Zahlbetrag",
    "Seite",
    "Übertrag",
    "%d.%m.%Y",
    ",",
    19,
)


@dataclass(frozen=True)
class Company:
    name: str
    address: tuple[str, ...]
    tax_id: str


ISSUERS = {
    "en": (
        Company("Larkspur Office Supply Ltd", ("12 Tannery Yard", "Wexcombe WX2 4HB", "United Kingdom"), "VAT GB 000 1234 56"),
        Company("Bluefin Marine Parts Inc.", ("400 Dock Street", "Port Calder, ME 04999", "USA"), "Tax ID 00-0012345"),
    ),
    "de": (
        Company("Ahornhof Werkzeuge GmbH", ("Lindenweg 8", "99998 Musterstadt", "Deutschland"), "USt-IdNr. DE000000123"),
        Company("Krämer & Söhne Druckerei KG", ("Am Mühlbach 21", "00123 Beispielhausen", "Deutschland"), "USt-IdNr. DE000000456"),
    ),
}
BUYERS = {
    "en": (
        Company("Pinecrest Academy", ("77 Hill View", "Northam NT5 1AA"), ""),
        Company("Osprey Charter Co.", ("9 Lighthouse Road", "Port Calder, ME 04999"), ""),
    ),
    "de": (
        Company("Gasthof zur Post", ("Marktplatz 1", "99999 Neudorf"), ""),
        Company("Stadtbibliothek Altfeld", ("Ringstraße 40", "00124 Altfeld"), ""),
    ),
}
GOODS = {
    "en": (
        "Copy paper A4, 80 g",
        "Ring binder, blue",
        "Desk lamp LED",
        "Whiteboard marker, set of 4",
        "Filing cabinet, 3 drawers",
        "Paper clips, box of 500",
        "Stapler, heavy duty",
        "Envelope C5, pack of 100",
        "Office chair, mesh back",
        "Cork board 60 x 90",
        "Mooring rope 12 mm",
        "Bilge pump 24 V",
        "Anchor shackle",
        "Deck cleat, brass",
    ),
    "de": (
        "Schraubendreher-Satz",
        "Handsäge 500 mm",
        "Bohrmaschine 650 W",
        "Schleifpapier K120",
        "Wasserwaage 60 cm",
        "Zollstock 2 m",
        "Werkzeugkoffer leer",
        "Faltblatt A5, vierfarbig",
        "Plakat A2",
        "Visitenkarten, 250 Stück",
        "Briefbogen A4",
        "Kombizange 180 mm",
    ),
}
CURRENCY = {"en": ("GBP", "USD"), "de": ("EUR", "EUR")}


def invoice(
    rng: random.Random,
    day: dt.date,
    number: int,
    language: str,
    rows: int,
    suffix: str = ".pdf",
    scanner: Scanner | None = None,
    prepaid: bool = False,
    password: str | None = None,
) -> Sample:
    """One invoice; more than ``ROWS_FIRST`` rows run on to a second page.

    Args:
        language: ``en`` or ``de``.
        rows: line items.
        prepaid: a part was paid before, so what is due is less than the total.
        password: asked for on opening (text PDFs only).
    """
    which = number % 2
    issuer, buyer, currency = ISSUERS[language][which], BUYERS[language][which], CURRENCY[language][which]
    wording = GERMAN if language == "de" else ENGLISH
    date = day - dt.timedelta(days=rng.randint(0, 2))
    due = date + dt.timedelta(days=rng.choice((14, 30)))
    items = []
    for row in range(rows):
        count = rng.randint(1, 12)
        price = Decimal(rng.randint(90, 24_000)) / 100
        items.append((GOODS[language][(row + which) % len(GOODS[language])], count, price, count * price))
    net = sum((item[3] for item in items), Decimal(0))
    tax = (net * wording.rate / 100).quantize(CENT)
    paid = (net / 4).quantize(Decimal(10)) if prepaid else Decimal(0)
    code = f"{'RE' if language == 'de' else 'INV'}-2026-{4100 + number:05d}"
    head = ((wording.number, code), (wording.date, date.strftime(wording.date_format)), (wording.due, due.strftime(wording.date_format)))
    foot = [(wording.net, net), (wording.tax, tax), (wording.total, net + tax)]
    if prepaid:
        foot.append((wording.paid, -paid))
    foot.append((wording.payable, net + tax - paid))
    sheet = _draw(wording, issuer, buyer, head, items, foot, currency)
    pages = sheet.page
    if password:
        sheet.lock(password)
    pdf = sheet.to_bytes()
    fields = {
        "invoice_number": code,
        "date": date.isoformat(),
        "due_date": due.isoformat(),
        "issuer": issuer.name,
        "buyer": buyer.name,
        "currency": currency,
        "amount_untaxed": f"{net:.2f}",
        "amount_total": f"{net + tax:.2f}",
        "amount_due": f"{net + tax - paid:.2f}",
        "line_items": [
            {"description": name, "quantity": str(count), "unit_price": f"{price:.2f}", "amount": f"{amount:.2f}"}
            for name, count, price, amount in items
        ],
    }
    data = pdf if scanner is None else encode(scan_pdf(pdf, rng, scanner), suffix)
    return Sample("invoice", day, f"invoice_{number:04d}{suffix}", data, pages, scanner is not None, fields)


def _draw(
    wording: Wording,
    issuer: Company,
    buyer: Company,
    head: tuple[tuple[str, str], ...],
    items: list[tuple[str, int, Decimal, Decimal]],
    foot: list[tuple[str, Decimal]],
    currency: str,
) -> Sheet:
    sheet = Sheet()
    sheet.write_at(20, 22, issuer.name, 14, "B")
    sheet.write_lines(20, 28, (*issuer.address, issuer.tax_id), 9, 4.4)
    sheet.write_at(190, 22, wording.title, 18, "B", "right")
    sheet.write_at(20, 58, wording.to, 9, "B")
    sheet.write_lines(20, 63.5, (buyer.name, *buyer.address), 10)
    y = 58.0
    for label, text in head:
        sheet.write_at(120, y, label, 9, "B")
        sheet.write_at(190, y, text, 10, align="right")
        y += 6
    y = _table_head(sheet, wording, 92)
    carried, room = Decimal(0), ROWS_FIRST
    for name, count, price, amount in items:
        if not room:
            sheet.write_at(20, y + 2, wording.carry, 9, "I")
            sheet.write_at(190, y + 2, wording.amount(carried), 9, "I", "right")
            y = _next_page(sheet, wording, head)
            room = ROWS_NEXT
        sheet.write_at(20, y, name, 9.5)
        sheet.write_at(128, y, str(count), 9.5, align="right")
        sheet.write_at(160, y, wording.amount(price), 9.5, align="right")
        sheet.write_at(190, y, wording.amount(amount), 9.5, align="right")
        carried, room, y = carried + amount, room - 1, y + 6
    sheet.rule(20, y - 2, 190)
    y += 5
    for label, amount in foot:
        style = "B" if label in (wording.total, wording.payable) else ""
        sheet.write_at(120, y, label, 10, style)
        sheet.write_at(190, y, f"{wording.amount(amount)} {currency}", 10, style, "right")
        y += 6
    sheet.write_at(105, 285, f"{wording.page} {sheet.page}", 8, align="centre")
    return sheet


def _next_page(sheet: Sheet, wording: Wording, head: tuple[tuple[str, str], ...]) -> float:
    sheet.write_at(105, 285, f"{wording.page} {sheet.page}", 8, align="centre")
    sheet.add_page()
    sheet.write_at(20, 22, f"{head[0][0]} {head[0][1]}", 9)
    return _table_head(sheet, wording, 34)


def _table_head(sheet: Sheet, wording: Wording, y: float) -> float:
    for x, label, align in zip((20, 128, 160, 190), wording.columns, ("left", "right", "right", "right"), strict=True):
        sheet.write_at(x, y, label, 9.5, "B", align)  # type: ignore[arg-type]
    sheet.rule(20, y + 2, 190)
    return y + 8
