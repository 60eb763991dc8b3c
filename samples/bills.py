"""Orders for broadcast time and statements of an energy supplier, all made up."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal

from samples.drawing import Sample, Scanner, Sheet, encode, scan_pdf

ADVERTISERS = (("Citizens for Safer Bridges", "Juniper Media Group"), ("Friends of the Valley Library", "Northstar Buying LLC"))
STATIONS = ("WZZQ-TV", "KXAA-TV")
CUSTOMERS = (
    ("Marlow Finch", "418 Cedar Hollow Road", "Brookvale, OH 00451"),
    ("Ines Abernathy", "2207 Pepper Tree Court", "Brookvale, OH 00453"),
)
SUPPLIER, WEBSITE = "Cascade Valley Energy", "www.cascadevalleyenergy.example"
MONTHS = ("Oct 2026", "Sep 2026", "Aug 2026", "Jul 2026", "Jun 2026", "May 2026")


def order(rng: random.Random, day: dt.date, number: int, scanner: Scanner | None = None) -> Sample:
    """A broadcaster's order: contract, advertiser, flight dates, spots by week, gross amount. A scan is a PDF without text."""
    advertiser, agency = ADVERTISERS[number % 2]
    station = STATIONS[number % 2]
    first = day + dt.timedelta(days=rng.randint(1, 3))
    last = first + dt.timedelta(days=13)
    code = f"{rng.randint(1_200_000, 1_999_999)}"
    rows = []
    for name, start in (
        ("Morning News", "M-F 6a-7a"),
        ("Noon Report", "M-F 12n-1p"),
        ("Evening News", "M-Su 6p-7p"),
        ("Late Movie", "Sa 11p-1a"),
    ):
        spots, rate = rng.randint(2, 9), Decimal(rng.randrange(75, 900, 25))
        rows.append((name, start, spots, rate, spots * rate))
    gross = sum((row[4] for row in rows), Decimal(0))
    sheet = Sheet()
    sheet.write_at(20, 22, station, 20, "B")
    sheet.write_at(190, 22, "ORDER", 16, "B", "right")
    sheet.write_lines(20, 29, ("1 Tower Hill", "Brookvale, OH 00450", "(555) 010-0170"), 9, 4.4)
    y = 52.0
    for left, right in (
        (("Contract #", code), ("Revision", "0")),
        (("Advertiser", advertiser), ("Print date", f"{day:%m/%d/%y}")),
        (("Agency", agency), ("Account exec.", "Robin Vale")),
        (("Product", "Awareness campaign"), ("Demographic", "Adults 35+")),
        (("Flight dates", f"{first:%m/%d/%y} - {last:%m/%d/%y}"), ("Billing cycle", "EOM/EOC")),
    ):
        for x, (label, text) in ((20, left), (125, right)):
            sheet.write_at(x, y, f"{label}:", 9, "B")
            sheet.write_at(x + 30, y, text, 10)
        y += 7
    y += 6
    for x, label in ((20, "Program"), (75, "Days and time"), (130, "Spots"), (160, "Rate"), (190, "Amount")):
        sheet.write_at(x, y, label, 9, "B", "left" if x < 100 else "right")
    sheet.rule(20, y + 2, 190)
    for name, start, spots, rate, amount in rows:
        y += 8
        sheet.write_at(20, y, name, 10)
        sheet.write_at(75, y, start, 10)
        sheet.write_at(130, y, str(spots), 10, align="right")
        sheet.write_at(160, y, f"${rate:,.2f}", 10, align="right")
        sheet.write_at(190, y, f"${amount:,.2f}", 10, align="right")
    sheet.rule(20, y + 4, 190)
    net = (gross * 85 / 100).quantize(Decimal("0.01"))
    for label, text in (
        ("Total spots", str(sum(row[2] for row in rows))),
        ("Gross amount", f"${gross:,.2f}"),
        ("Agency commission 15%", f"${gross - net:,.2f}"),
        ("Net amount", f"${net:,.2f}"),
    ):
        y += 10 if label == "Total spots" else 6
        sheet.write_at(120, y, label, 10, "B")
        sheet.write_at(190, y, text, 10, align="right")
    pdf = sheet.to_bytes()
    data = pdf if scanner is None else encode(scan_pdf(pdf, rng, scanner, 150), ".pdf", 150)
    fields = {
        "contract_num": code,
        "advertiser": advertiser,
        "gross_amount": f"{gross:.2f}",
        "flight_from": first.isoformat(),
        "flight_to": last.isoformat(),
    }
    return Sample("adbuy", day, f"order_{number:04d}.pdf", data, 1, scanner is not None, fields)


def statement(rng: random.Random, day: dt.date, number: int, scanner: Scanner | None = None) -> Sample:
    """An energy bill on one page: account and dates, service, charges, billing history, ways to pay, contacts."""
    customer, street, town = CUSTOMERS[number % 2]
    account = f"{rng.randint(1000, 9999)} {rng.randint(1000, 9999)} {rng.randint(10, 99)}"
    stated, due = day - dt.timedelta(days=1), day + dt.timedelta(days=20)
    meter, used = f"{rng.randint(100_000, 999_999)}", rng.randint(420, 880)
    charges = [
        ("Customer charge", Decimal("9.50")),
        ("Energy charge", Decimal(used * 11) / 100),
        ("Delivery charge", Decimal(used * 4) / 100),
    ]
    charges.append(("City tax 3%", (sum(amount for _, amount in charges) * 3 / 100).quantize(Decimal("0.01"))))
    total = sum((amount for _, amount in charges), Decimal(0))
    history = [(month, used - 25 * i, Decimal((used - 25 * i) * 16) / 100) for i, month in enumerate(MONTHS)]
    sheet = Sheet(215.9, 279.4)
    sheet.write_at(18, 20, SUPPLIER, 16, "B")
    sheet.write_at(18, 26, WEBSITE, 9)
    sheet.write_lines(18, 42, (customer, street, town), 10)
    y = 20.0
    for label, text in (
        ("Account number", account),
        ("Statement date", f"{stated:%b %d, %Y}"),
        ("Due date", f"{due:%b %d, %Y}"),
        ("Amount due", f"${total:,.2f}"),
    ):
        sheet.write_at(120, y, f"{label}:", 10, "B")
        sheet.write_at(197, y, text, 10, "B" if label == "Amount due" else "", "right")
        y += 6.5
    y = _heading(sheet, 66, "Service information")
    for label, text in (
        ("Service for", customer),
        ("Service address", f"{street}, {town}"),
        ("Meter number", meter),
        ("Rate schedule", "Residential 1"),
        ("Billing period", "Oct 1, 2026 - Oct 31, 2026"),
        ("Billing days", "31"),
        ("Energy used", f"{used} kWh"),
    ):
        sheet.write_at(18, y, f"{label}:", 9.5, "B")
        sheet.write_at(62, y, text, 9.5)
        y += 5.4
    y = _heading(sheet, y + 5, "Charges")
    for name, amount in (*charges, ("Total current charges", total)):
        style = "B" if name.startswith("Total") else ""
        sheet.write_at(18, y, name, 9.5, style)
        sheet.write_at(110, y, f"${amount:,.2f}", 9.5, style, "right")
        y += 5.4
    y = _heading(sheet, y + 5, "Billing history")
    for x, label in ((18, "Month"), (75, "kWh"), (110, "Amount")):
        sheet.write_at(x, y, label, 9.5, "B", "left" if x == 18 else "right")
    for month, energy, amount in history:
        y += 5.4
        sheet.write_at(18, y, month, 9.5)
        sheet.write_at(75, y, str(energy), 9.5, align="right")
        sheet.write_at(110, y, f"${amount:,.2f}", 9.5, align="right")
    y = _heading(sheet, y + 11, "Ways to pay")
    ways = (("Online", f"{WEBSITE}/pay"), ("By phone", "1-555-010-0188"), ("By mail", "PO Box 0400, Brookvale, OH 00450"))
    contacts = (("Customer service", "1-555-010-0111"), ("Power outage", "1-555-010-0112"), ("Email", "help@cascadevalleyenergy.example"))
    y = _pairs(sheet, y, ways)
    y = _pairs(sheet, _heading(sheet, y + 5, "Contact us"), contacts)
    fields = {
        "account_number": account,
        "statement_date": stated.isoformat(),
        "due_date": due.isoformat(),
        "website": WEBSITE,
        "service_info": {
            "service_for": customer,
            "service_address": f"{street}, {town}",
            "rate_schedule": "Residential 1",
            "billing_period": "Oct 1, 2026 - Oct 31, 2026",
            "billing_days": "31",
            "meter_number": meter,
            "usage": f"{used} kWh",
        },
        "total_amount_due": f"{total:.2f}",
        "charges": [{"name": name, "amount": f"{amount:.2f}"} for name, amount in charges],
        "billing_history": [{"month": month, "usage": str(energy), "amount": f"{amount:.2f}"} for month, energy, amount in history],
        "ways_to_pay": [{"method": method, "details": text} for method, text in ways],
        "contacts": [{"name": name, "email" if "@" in text else "phone": text} for name, text in contacts],
    }
    pdf = sheet.to_bytes()
    if scanner is None:
        return Sample("energy_statement", day, f"statement_{number:04d}.pdf", pdf, 1, False, fields)
    return Sample(
        "energy_statement", day, f"statement_{number:04d}.jpg", encode(scan_pdf(pdf, rng, scanner, 150), ".jpg", 150), 1, True, fields
    )


def _heading(sheet: Sheet, y: float, text: str) -> float:
    sheet.write_at(18, y, text, 12, "B")
    sheet.rule(18, y + 1.8, 197)
    return y + 8


def _pairs(sheet: Sheet, y: float, pairs: tuple[tuple[str, str], ...]) -> float:
    for label, text in pairs:
        sheet.write_at(18, y, f"{label}:", 9.5, "B")
        sheet.write_at(62, y, text, 9.5)
        y += 5.4
    return y
