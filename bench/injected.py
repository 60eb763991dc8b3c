"""What becomes of wrong answers: errors put into true ones, over the words of real pages.

    bench/injected.py CONTRACT SET_DIR [--state DIR] [--json] [--show] [--seed N]

SET_DIR is a folder with ``docs/`` and ``truth.jsonl``. Its pages are read by the project's reading; with ``--state`` they
are kept for the next run. Every page that shows true values legibly is merged once with them, and once for each error with
one of them replaced, through ``python -m octavo merge``:

    fabricated     a value of the kind that the page does not have
    scaled, sign   an amount times ten, or with the other sign
    digit          one digit changed
    swapped        the true value of another field
    misattributed  other words of the page of the same kind: an amount, a date, a number, a line
    hinted         the value's word misread at a confidence of 0.6, said as it was read by a hinted model and by the layout extractor

``kept`` is the share of errors that are not ``accepted``. Swapped and misattributed values count only where the page has a label of the
field (pairs bring their own). ``refused`` is the share of true values with the verdict ``unsupported`` or ``conflicting``. ``set`` counts
the documents and pages of the set. The bench ends with an error unless every page was read or found in the reading store, every document
with a truth was, and the merge has judged both true values and errors.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import proof
from pages import DAY, read_counts, truth
from upath import UPath

from octavo.ingest import stage as ingest
from octavo.model import contracts
from octavo.model.contracts import Contract, Kind
from octavo.model.entities import Page, Partition, Word
from octavo.model.settings import Settings
from octavo.page.values import NUMERIC, parser, squeeze
from octavo.reading import stage as reading
from octavo.storage import schemas
from octavo.storage.workspace import Workspace

# Words read with less confidence are not legible: their values are left out.
LEGIBLE = 0.8
_NUMBER = re.compile(r"[-−–]?\d[\d.,]*\d|[-−–]?\d")
_MINUS = "-−–"


@dataclass(frozen=True)
class Case:
    """One page, what is said of it, and the value that is looked at."""

    error: str
    field: str
    value: str
    page: Page
    answer: dict[str, Any]
    name: str = ""


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("contract")
    options.add_argument("set_dir", type=Path)
    options.add_argument("--state", type=Path, help="folder for the reading store, kept between runs")
    options.add_argument("--json", action="store_true", help="print one JSON object")
    options.add_argument("--show", action="store_true", help="list errors that were accepted and true values that were refused")
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(state=str(chosen.state or scratch), lake=str(Path(scratch) / "lake"))
        contract = contracts.find(chosen.contract, settings.contracts)
        rng = random.Random(chosen.seed)
        found, counts = documents(contract, chosen.set_dir, settings)
        cases = [
            case for name, line, pages in found for page in pages for case in cases_of(Truths(contract, page), line, rng, name)
        ]
        proof.some("cases", true=sum(case.error == "true" for case in cases), errors=sum(case.error != "true" for case in cases))
        verdicts = merge(cases, chosen.contract, Path(scratch))
    proof.some("the merge", cases=len(cases), judged=sum(verdict != "missing" for verdict, _ in verdicts))
    report = {**summary(cases, verdicts), "set": counts}
    if chosen.show:
        for case, (verdict, reason) in zip(cases, verdicts, strict=True):
            if (verdict == "accepted") is (case.error != "true") or (case.error == "true" and verdict in ("unsupported", "conflicting")):
                print(f"{case.name} p{case.page.number} {case.error} {case.field} {case.value!r}: {verdict}, {reason}", file=sys.stderr)
    if chosen.json:
        print(json.dumps(report))
        return 0
    for error, one in report.items():
        print(f"{error:14}", "  ".join(f"{key} {value}" for key, value in one.items()))
    return 0


def documents(
    contract: Contract, folder: Path, settings: Settings,
) -> tuple[list[tuple[str, dict[str, Any], list[Page]]], dict[str, int]]:
    """Every document of the set, by its name, its line of the truth and its pages as they were read; and how many there are."""
    workspace = Workspace.open(settings.workspaces, Partition(contract.name, DAY), f"injected-{time.monotonic_ns()}")
    lines = truth(folder)
    reports = [ingest.run(workspace, contract, UPath(folder / "docs"), settings)]
    pages: dict[str, list[Page]] = {}
    for shard in workspace.plan.page_shards:
        reports.append(reading.run(workspace, shard, settings))
        for row in workspace.read(workspace.shard("read", shard)).to_pylist():
            pages.setdefault(row["document"], []).append(schemas.page_from_row(row))
    rows = workspace.read(workspace.documents).to_pylist()
    ids = {UPath(uri).name: row["document"] for row in rows for uri in (row["uri"], *row["copies"])}
    names = [Path(line["file"]).name for line in lines]
    proof.same("documents with a truth", lines=len(lines), documents=sum(name in ids for name in names))
    found = [(name, line, pages.get(ids[name], [])) for name, line in zip(names, lines, strict=True)]
    return found, {"truths": len(lines), **read_counts(workspace, reports)}


class Truths:
    """One page as a contract reads it, by means other than the merge's own."""

    def __init__(self, contract: Contract, page: Page) -> None:
        self.contract, self.page = contract, page
        self.parser = parser(contract.locale)
        self.text = " ".join(word.text for word in page.words)
        self.squeezed = squeeze(self.text)
        clear = [word.text for word in page.words if word.confidence >= LEGIBLE]
        self.clear = squeeze(" ".join(clear))
        self.dates = {span.date for span in self.parser.dates(self.text)}
        self.numbers = [(word, digits(found)) for word in page.words for found in _NUMBER.findall(word.text)]

    def shows(self, kind: Kind, value: str, legibly: bool = False) -> bool:
        """Whether the page has the value, by its digits, its date or its letters."""
        if kind in NUMERIC:
            typed = self.parser.parse(Kind.MONEY, value)
            asked = digits(f"{typed:.2f}" if kind is Kind.MONEY and typed is not None else value)
            return any(own == asked and (not legibly or word.confidence >= LEGIBLE) for word, own in self.numbers)
        if kind is Kind.DATE:
            return self.parser.parse(kind, value) in self.dates
        return squeeze(value) in (self.clear if legibly else self.squeezed)

    def has_label(self, field: str) -> bool:
        if field.endswith("].value"):
            return True
        return any(squeeze(label) in self.squeezed for label in self.contract.fields[field].labels)

    def others(self, kind: Kind, true: str) -> list[str]:
        """Values of the page that are of the kind and not the true one."""
        words = [word for word in self.page.words if word.confidence >= LEGIBLE]
        if kind in NUMERIC:
            found = [word.text for word in words if re.search(r"\d[.,]\d\d$", word.text) and self.parser.parse(kind, word.text) is not None]
        elif kind is Kind.DATE:
            found = [date.isoformat() for date in sorted(self.dates)]
        elif kind is Kind.IDENTIFIER:
            found = [word.text for word in words if re.fullmatch(r"[A-Z0-9/-]*\d[A-Z0-9/-]{3,}", word.text)]
        else:
            found = [" ".join(w.text for w in line) for line in lines(words)]
        typed = self.parser.parse(kind, true)
        return [one for one in dict.fromkeys(found) if self.parser.parse(kind, one) != typed and not alike(one, true)]


def digits(text: str) -> str:
    """The digits of a number, behind its sign if that is minus."""
    return ("-" if text[:1] in _MINUS else "") + re.sub(r"\D", "", text)


def lines(words: list[Word]) -> Iterator[list[Word]]:
    """Neighbours in reading order that stand on one line."""
    line: list[Word] = []
    for word in words:
        if line and (abs(word.box.y0 - line[-1].box.y0) > word.box.height // 2 or not 0 <= word.box.x0 - line[-1].box.x1 < word.box.height):
            yield line
            line = []
        line.append(word)
    if line:
        yield line


def alike(one: str, other: str) -> bool:
    """Whether a text is the other's or a part of it."""
    a, b = squeeze(one), squeeze(other)
    return not a or a in b or b in a


def cases_of(page: Truths, truth: dict[str, Any], rng: random.Random, name: str) -> Iterator[Case]:
    """The true values of a page that it shows legibly, and every error in one of them."""
    if "key_values" in truth:
        pairs = {(p["key"], p["value"]) for p in truth["key_values"]}
        shown = sorted(p for p in pairs if all(len(squeeze(t)) > 1 and page.shows(Kind.TEXT, t, True) for t in p))
        counts = Counter(key for key, _ in shown)
        fields = {f"pairs[{key}].value": (Kind.TEXT, value) for key, value in shown if counts[key] == 1}
    else:
        known = {key: value for key, value in truth["fields"].items() if value and key in page.contract.fields}
        fields = {key: (page.contract.fields[key].type, str((truth.get("fields_norm") or {}).get(key) or value))
                  for key, value in known.items()}
        fields = {key: one for key, one in fields.items() if one[0] is not Kind.CURRENCY and page.shows(*one, True)}
    true = {key: value for key, (_, value) in fields.items()}
    for key, (kind, value) in fields.items():
        yield Case("true", key, value, page.page, as_answer(true), name)
        for error, wrong in errors(page, key, kind, value, fields, rng):
            yield Case(error, key, wrong, page.page, as_answer({**true, key: wrong}), name)
        misread = misread_word(page, kind, value, rng)
        if misread is not None:
            yield Case("hinted", key, misread[1], misread[0], as_answer({**true, key: misread[1]}), name)


def as_answer(values: dict[str, str]) -> dict[str, Any]:
    """What an extractor says; ``pairs[KEY].value`` is the value of a pair."""
    pairs = [{"key": key[6:-7], "value": value} for key, value in values.items() if key.startswith("pairs[")]
    return {"pairs": pairs} if pairs else values


def errors(
    page: Truths, key: str, kind: Kind, true: str, fields: dict[str, tuple[Kind, str]], rng: random.Random,
) -> Iterator[tuple[str, str]]:
    """The wrong values for one field, by error."""
    made = next((one for one in (fabricated(kind, true, rng) for _ in range(50)) if not page.shows(kind, one)), None)
    if made is not None:
        yield "fabricated", made
    typed = page.parser.parse(kind, true)
    if kind is Kind.MONEY and typed:
        for error, factor in (("scaled", 10), ("sign", -1)):
            wrong = f"{typed * factor:.2f}"  # type: ignore[operator]
            if not page.shows(kind, wrong):
                yield error, wrong
    changed = [one for one in digits_changed(true) if not page.shows(kind, one) and page.parser.parse(kind, one) not in (None, typed)]
    if changed:
        yield "digit", rng.choice(changed)
    if not page.has_label(key):
        return
    others = [value for other, (k, value) in fields.items() if other != key and k is kind and not alike(value, true)]
    if others:
        yield "swapped", rng.choice(others)
    found = [one for one in page.others(kind, true) if one not in others]
    if found:
        yield "misattributed", rng.choice(found)


def fabricated(kind: Kind, true: str, rng: random.Random) -> str:
    """A value of the kind, about as long as the true one."""
    if kind is Kind.DATE:
        return (dt.date(2010, 1, 1) + dt.timedelta(rng.randrange(5000))).isoformat()
    vowels, consonants = "aeiou", "bdfgklmnprst"
    return "".join(
        rng.choice("123456789") if char.isdigit()
        else rng.choice(vowels if char.lower() in vowels else consonants) if char.isalpha() else char
        for char in true
    ).upper()


def digits_changed(text: str) -> list[str]:
    return [text[:at] + new + text[at + 1:] for at, char in enumerate(text) if char.isdigit() for new in "0123456789" if new != char]


def misread_word(page: Truths, kind: Kind, true: str, rng: random.Random) -> tuple[Page, str] | None:
    """The page with one digit of the value's only word misread, at the confidence that such words have, and the value as it reads now."""
    places = [at for at, word in enumerate(page.page.words) if squeeze(word.text) == squeeze(true) and any(map(str.isdigit, true))]
    if len(places) != 1:
        return None
    word = page.page.words[places[0]]
    at = rng.choice([i for i, char in enumerate(word.text) if char.isdigit()])
    text = word.text[:at] + rng.choice([d for d in "0123456789" if d != word.text[at]]) + word.text[at + 1:]
    words = list(page.page.words)
    words[places[0]] = Word(text, word.box, 0.6, word.source)
    shown = page.page
    return Page(shown.document, shown.number, shown.width, shown.height, shown.dpi, 0, shown.transform, tuple(words)), text


def merge(cases: list[Case], contract: str, folder: Path) -> list[tuple[str, str]]:
    """The verdict and its reason for each case's value, by the command itself."""
    answers, words = folder / "answers.jsonl", folder / "words.jsonl"
    with answers.open("w", encoding="utf-8") as said, words.open("w", encoding="utf-8") as read:
        for number, case in enumerate(cases):
            page, document = case.page, f"{number:06d}"
            for word in page.words:
                row = {"text": word.text, "box": word.box, "confidence": word.confidence, "source": word.source}
                read.write(json.dumps({"document": document, "page": page.number, **row}) + "\n")
            for extractor in ("model", "layout") if case.error == "hinted" else ("model",):
                row = {"extractor": extractor, "hinted": case.error == "hinted", "text": json.dumps(case.answer)}
                said.write(json.dumps({"document": document, "page": page.number, "box": [0, 0, page.width, page.height], **row}) + "\n")
    command = [sys.executable, "-m", "octavo", "merge", str(answers), str(words), "--contract", contract, "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[int, list[dict[str, Any]]] = {}
    for line in done.stdout.splitlines():
        field = json.loads(line)
        found.setdefault(int(field["document"]), []).append(field)
    return [verdict_of(case, found.get(number, [])) for number, case in enumerate(cases)]


def verdict_of(case: Case, fields: list[dict[str, Any]]) -> tuple[str, str]:
    """The verdict of the row that says the value, or else of the one that it lost to."""
    own = [f for f in fields if f["field"] == case.field or (case.field.startswith("pairs[") and f["field"].endswith("].value"))]
    if case.field.startswith("pairs["):
        keys = {f["field"].removesuffix(".key"): f["value"] for f in fields if f["field"].endswith("].key")}
        own = [f for f in own if keys.get(f["field"].removesuffix(".value")) == " ".join(case.field[6:-7].split())]
    said = [f for f in own if f["value"] == " ".join(case.value.split())]
    if said:
        return said[0]["verdict"], said[0]["reason"]
    return ("lost", own[0]["reason"]) if own else ("missing", "no such field")


def summary(cases: list[Case], verdicts: list[tuple[str, str]]) -> dict[str, dict[str, Any]]:
    """Counts and shares by error."""
    report: dict[str, dict[str, Any]] = {}
    for error in dict.fromkeys(case.error for case in cases):
        own = [verdict for case, (verdict, _) in zip(cases, verdicts, strict=True) if case.error == error]
        counts = Counter(own)
        judged = len(own) - counts["unreadable"]
        share = {"refused": round((counts["unsupported"] + counts["conflicting"]) / max(1, judged), 4)} if error == "true" \
            else {"kept": round(1 - counts["accepted"] / max(1, len(own)), 4)}
        report[error] = {"cases": len(own), **share, **dict(sorted(counts.items()))}
    return report


if __name__ == "__main__":
    raise SystemExit(main())
