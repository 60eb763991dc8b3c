"""Bank statements in two styles and purchase orders, all made up."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal

from samples.drawing import Sample, Scanner, Sheet, encode, scan_pdf

BANKS = ("Kestrel Savings Bank Ltd", "Harbour & Vale Bank plc")
HOLDERS = (("Odile Marchbanks", "9 Tern Street", "Port Alder 4021"), ("Fennimore Joinery", "31 Quayside", "Port Alder 4016"))
SPENT = ("EFTPOS COFFEE HOUSE", "DD POWER COMPANY", "CARD BOOK SHOP", "ATM CASH", "DD WATER BOARD", "CARD GREENGROCER", "TRANSFER RENT")
EARNED = ("SALARY ACME LTD", "TRANSFER FROM SAVINGS")
BUYERS = (("Quince Toys Ltd", "14 Millrace Road", "Alderby 2290"), ("Larkspur Clinic Ltd", "2 Orchard Rise", "Alderby 2294"))
VENDORS = (("Timber & Thread Co.", "60 Dock Lane", "Port Alder 4020"), ("Northmere Supplies Inc.", "5 Foundry Court", "Port Alder 4011"))
GOODS = (
    ("TB-1007", "Wooden train", "12.50"), ("TB-2210", "Balance bike", "80.00"), ("NC-0310", "Net curtain white", "15.00"),
    ("TC-0001", "Total care kit", "5.75"), ("PZ-0440", "Puzzle 200 pieces", "8.20"), ("BX-0090", "Storage box", "6.40"),
)


def bank_statement(rng: random.Random, day: dt.date, number: int) -> Sample:
    """A month of one account: days without a year and columns of withdrawals and deposits, or marks of credit and debit."""
    last = day.replace(day=1) - dt.timedelta(days=1)
    first, holder, marked = last.replace(day=1), HOLDERS[number % 2], number % 2 == 1
    account = f"02-{rng.randint(1000, 9999)}-{rng.randint(1_000_000, 9_999_999)}-00"
    opening = balance = Decimal(rng.randrange(40_000, 220_000)) / 100
    rows = []
    for at in sorted(rng.sample(range(1, last.day), 9)):
        earned = len(rows) in (2, 6)
        amount = Decimal(rng.randrange(90_000, 260_000) if earned else rng.randrange(550, 18_000)) / 100
        balance += amount if earned else -amount
        rows.append((first.replace(day=at), rng.choice(EARNED if earned else SPENT), amount, earned, balance))
    sheet = Sheet()
    sheet.write_at(20, 22, BANKS[number % 2], 16, "B")
    sheet.write_lines(20, 40, holder, 10)
    y = 70.0
    period = f"{first:%d/%m/%Y} - {last:%d/%m/%Y}" if marked else f"from {first.day} {first:%b %Y} to {last.day} {last:%b %Y}"
    for label, text in (
        ("Account number", account), ("Statement period", period),
        ("Opening balance", _signed(opening, marked)), ("Closing balance", _signed(balance, marked)),
    ):
        sheet.write_at(20, y, label, 10, "B")
        sheet.write_at(75, y, text, 10)
        y += 6.5
    y += 8
    columns = ((20, "Date"), (48, "Transaction details"), (155, "Amount"), (190, "Balance")) if marked else (
        (20, "Date"), (48, "Transaction details"), (130, "Withdrawals"), (160, "Deposits"), (190, "Balance"))
    for x, label in columns:
        sheet.write_at(x, y, label, 9, "B", "left" if x < 100 else "right")
    sheet.rule(20, y + 2, 190)
    if not marked:
        y += 7
        sheet.write_at(48, y, "Balance brought forward", 10)
        sheet.write_at(190, y, f"{opening:,.2f}", 10, align="right")
    for when, text, amount, earned, after in rows:
        y += 7
        sheet.write_at(20, y, f"{when:%d/%m/%Y}" if marked else f"{when:%d %b}", 10)
        sheet.write_at(48, y, text, 10)
        printed = _signed(amount if earned else -amount, True) if marked else f"{amount:,.2f}"
        sheet.write_at(155 if marked else 160 if earned else 130, y, printed, 10, align="right")
        sheet.write_at(190, y, _signed(after, marked), 10, align="right")
    fields = {
        "bank": BANKS[number % 2], "account_number": account, "period_from": first.isoformat(), "period_to": last.isoformat(),
        "opening_balance": f"{opening:.2f}", "closing_balance": f"{balance:.2f}",
        "transactions": [{
            "date": when.isoformat(), "description": text, "balance": f"{after:.2f}",
            **({"amount": f"{amount if earned else -amount:.2f}"} if marked else {"deposit" if earned else "withdrawal": f"{amount:.2f}"}),
        } for when, text, amount, earned, after in rows],
    }
    return Sample("bank_statement", day, f"statement_{number:04d}.pdf", sheet.to_bytes(), 1, False, fields)


def _signed(amount: Decimal, marked: bool) -> str:
    return f"{abs(amount):,.2f} {'DR' if amount < 0 else 'CR'}" if marked else f"{amount:,.2f}"


def purchase_order(rng: random.Random, day: dt.date, number: int, scanner: Scanner | None = None) -> Sample:
    """What a buyer orders from a vendor: parties, terms, goods, and totals that add up. A scan is a picture."""
    buyer, vendor = BUYERS[number % 2], VENDORS[number % 2]
    code, wanted = f"PO-{rng.randint(10_000, 99_999)}", day + dt.timedelta(days=rng.randint(10, 20))
    items = [(*goods, (count := rng.randint(2, 9)), count * Decimal(goods[2])) for goods in rng.sample(GOODS, 5)]
    subtotal = sum((item[4] for item in items), Decimal(0))
    tax, shipping = (subtotal * 8 / 100).quantize(Decimal("0.01")), Decimal("24.00")
    sheet = Sheet()
    sheet.write_at(20, 22, buyer[0], 16, "B")
    sheet.write_lines(20, 29, buyer[1:], 9, 4.4)
    sheet.write_at(190, 22, "PURCHASE ORDER", 14, "B", "right")
    y = 34.0
    for label, text in (("Order no.", code), ("Order date", f"{day:%d %B %Y}"), ("Requested by", f"{wanted:%d %B %Y}")):
        sheet.write_at(130, y, f"{label}:", 10, "B")
        sheet.write_at(190, y, text, 10, align="right")
        y += 6
    for x, label, lines in ((20, "Vendor", vendor), (110, "Ship to", (buyer[0], *buyer[1:]))):
        sheet.write_at(x, 62, label, 10, "B")
        sheet.write_lines(x, 68, lines, 10)
    y = 94.0
    for x, label in ((20, "Item no."), (50, "Description"), (125, "Qty"), (155, "Unit price"), (190, "Amount")):
        sheet.write_at(x, y, label, 9, "B", "left" if x < 100 else "right")
    sheet.rule(20, y + 2, 190)
    for article, text, price, count, amount in items:
        y += 8
        sheet.write_at(20, y, article, 10)
        sheet.write_at(50, y, text, 10)
        for x, printed in ((125, str(count)), (155, price), (190, f"{amount:,.2f}")):
            sheet.write_at(x, y, printed, 10, align="right")
    sheet.rule(20, y + 4, 190)
    y += 10
    for label, value in (("Subtotal", subtotal), ("Tax", tax), ("Shipping", shipping), ("Total", subtotal + tax + shipping)):
        sheet.write_at(140, y, label, 10, "B")
        sheet.write_at(190, y, f"${value:,.2f}", 10, align="right")
        y += 6
    pdf = sheet.to_bytes()
    data = pdf if scanner is None else encode(scan_pdf(pdf, rng, scanner, 150), ".png", 150)
    fields = {
        "buyer": buyer[0], "po_number": code, "order_date": day.isoformat(), "vendor": vendor[0], "ship_to": buyer[0],
        "requested_date": wanted.isoformat(),
        "subtotal": f"{subtotal:.2f}", "tax": f"{tax:.2f}", "shipping": f"{shipping:.2f}", "total": f"{subtotal + tax + shipping:.2f}",
        "items": [{"item_number": article, "description": text, "quantity": str(count), "unit_price": price, "amount": f"{amount:.2f}"}
                  for article, text, price, count, amount in items],
    }
    suffix = ".pdf" if scanner is None else ".png"
    return Sample("purchase_order", day, f"order_{number:04d}{suffix}", data, 1, scanner is not None, fields)
