"""From a contract to what its staged tables must satisfy. Knows nothing of Great Expectations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from octavo.model.contracts import NUMERIC, Contract, FieldSpec, Kind, Sum
from octavo.model.entities import Outcome, ParseStatus, Verdict

ROW_IDS = 20           # failing document ids that the result keeps of one expectation, and that one batch hands back
ROW_IDS_IN_ERROR = 5   # of them in the error's text
ROUNDING = 1e-9        # 1 - 0.7 is a little more than 0.3


RecordKey = tuple[str, int | None]
"""A record: its document, and its number where that may have several."""


class Rule(StrEnum):
    """What a check demands of each row of its column. Nulls satisfy everything but ``PRESENT``."""

    PRESENT = "present"
    MATCHES = "matches"      # argument: regular expression, matched against the whole value
    BETWEEN = "between"      # arguments: min, max (either may be None)
    ONE_OF = "one_of"        # argument: the allowed values
    NONE_OF = "none_of"      # argument: the forbidden values
    UNIQUE = "unique"        # needs the whole column at once
    SAME = "same"            # argument: the column that must hold the same value


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation.

    ``name`` says it in words. ``source`` names the rows (see ``rows.py``), ``column`` the value in
    them. ``share`` is the least share of rows, 0 to 1, that must satisfy it.
    """

    name: str
    source: str
    column: str
    rule: Rule
    arguments: Mapping[str, object] = field(default_factory=dict)
    share: float = 1.0


    def field_of(self, contract: Contract) -> str | None:
        """The field path that a check on records is about; None for checks on other things, which no record can be held back for."""
        kind, _, name = self.source.partition(":")
        if kind == "sum":
            return contract.gate.sums[int(name)].total
        return name if kind in ("values", "length") else None


def checks(contract: Contract) -> list[Check]:
    """Every check of a contract, those of the tables' form first."""
    return [*_form(contract), *_documents(contract), *_trust(contract), *_fields(contract), *_sums(contract)]


def _form(contract: Contract) -> Iterator[Check]:
    for table in ("documents", "pages", "fields", contract.name):
        yield Check(f"columns and types of {table}", f"schema:{table}", "found", Rule.SAME, {"other": "expected"})


def _documents(contract: Contract) -> Iterator[Check]:
    most = contract.gate.max_quarantined_share
    yield Check(
        f"at most {most:.0%} of the documents are quarantined", "documents", "status", Rule.NONE_OF,
        {"values": [Outcome.QUARANTINED.value]}, 1 - most,
    )
    yield Check("a document's status is an outcome", "documents", "status", Rule.ONE_OF, {"values": [outcome.value for outcome in Outcome]})
    if contract.many_records:
        yield Check("every readable document has all its records", "accounts", "records", Rule.SAME, {"other": "expected_records"})
    else:
        yield Check("every readable document has one record", "accounts", "records", Rule.ONE_OF, {"values": [1]})
    yield Check("every readable document has all its pages", "accounts", "pages", Rule.SAME, {"other": "expected_pages"})
    yield Check("every record belongs to a document", "records", "known", Rule.ONE_OF, {"values": [True]})
    yield Check("a field's verdict is a verdict", "fields", "verdict", Rule.ONE_OF, {"values": [verdict.value for verdict in Verdict]})


def _trust(contract: Contract) -> Iterator[Check]:
    """Whether the day can be believed as a whole; only what the contract bounds."""
    gate = contract.gate
    bounds: tuple[tuple[float, str, str, str, tuple[str, ...]], ...] = (
        (gate.max_untrusted_share, "values are unsupported or conflicting", "trust", "verdict", (Verdict.UNSUPPORTED, Verdict.CONFLICTING)),
        (gate.max_lost_pages_share, "pages are quarantined", "pages", "outcome", (Outcome.QUARANTINED,)),
        (gate.max_fallback_share, "answers are of no use", "answers", "parse_status", (ParseStatus.FAILED,)),
        (gate.max_unclaimed_share, "columns and labelled values are no field's", "unclaimed", "taken", ("no",)),
    )
    for most, what, source, column, bad in bounds:
        if most < 1:
            yield Check(f"at most {most:.0%} of the {what}", source, column, Rule.NONE_OF, {"values": [str(one) for one in bad]}, 1 - most)


def _fields(contract: Contract) -> Iterator[Check]:
    gate = contract.gate
    for path, spec in contract.leaves():
        source = f"values:{path}"
        if spec.required:
            yield Check(f"{path} is present", source, path, Rule.PRESENT, share=gate.min_required_share)
        if spec.pattern is not None:
            yield Check(f"{path} matches {spec.pattern}", source, path, Rule.MATCHES, {"pattern": spec.pattern}, gate.min_pattern_share)
        if spec.type in NUMERIC and (spec.min is not None or spec.max is not None):
            yield Check(f"{path} is {_range(spec)}", source, path, Rule.BETWEEN, {"min": spec.min, "max": spec.max}, gate.min_pattern_share)
        if spec.unique:
            yield Check(f"{path} is unique", source, path, Rule.UNIQUE)
    for path, spec in contract.fields.items():
        if spec.type is Kind.LIST and spec.required:
            yield Check(f"{path} has a row", f"length:{path}", path, Rule.BETWEEN, {"min": 1, "max": None}, gate.min_required_share)


def _range(spec: FieldSpec) -> str:
    if spec.min is None:
        return f"at most {spec.max:g}"
    if spec.max is None:
        return f"at least {spec.min:g}"
    return f"between {spec.min:g} and {spec.max:g}"


def _sums(contract: Contract) -> Iterator[Check]:
    for index, check in enumerate(contract.gate.sums):
        yield Check(
            sum_name(check), f"sum:{index}", difference(check), Rule.BETWEEN,
            {"min": -check.tolerance, "max": check.tolerance}, contract.gate.min_pattern_share,
        )


def difference(check: Sum) -> str:
    """The computed column of a sum."""
    return f"{check.total} less its parts"


def sum_name(check: Sum) -> str:
    """``amount_total = amount_untaxed + tax (within 0.01)``"""
    return f"{check.text} (within {check.tolerance:g})"


@dataclass(frozen=True, slots=True)
class BatchFinding:
    """What one batch showed for one check; ``documents`` and ``values`` are of the first failing rows, ``every`` has the records of all
    if asked for."""

    checked: int
    failing: int
    documents: list[str]
    values: list[str]
    error: str | None = None
    every: frozenset[RecordKey] = frozenset()


@dataclass
class CheckOutcome:
    """What came of one expectation over all batches.

    ``table`` and ``column`` say where it looks. ``checked`` counts the rows with a value (all rows
    where presence is asked for), ``failing`` those that break it, ``share`` is the least share of
    rows that must not. ``documents`` are ids of failing rows, ``values`` their values, which only a
    contract with ``show_values`` fills.
    """

    name: str
    table: str
    column: str
    share: float
    success: bool = True
    checked: int = 0
    failing: int = 0
    documents: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    error: str | None = None

    def add(self, found: BatchFinding, show_values: bool) -> None:
        """Add one batch's counts and judge anew."""
        self.checked += found.checked
        self.failing += found.failing
        self.error = self.error or found.error
        room = ROW_IDS - len(self.documents)
        self.documents += found.documents[:room]
        if show_values:
            self.values += found.values[:room]
        right = (self.checked - self.failing) / self.checked if self.checked else 1.0
        self.success = self.error is None and right >= self.share - ROUNDING

    def said(self, names: Mapping[str, str]) -> str:
        """The outcome in words.

        Args:
            names: file names of documents, by their ids.
        """
        if self.error:
            return f"'{self.name}' could not be checked: {self.error}"
        wanted = "" if self.share == 1 else f", where {self.share:.0%} must hold"
        return f"'{self.name}' failed on {self.failing:,} of {self.checked:,} rows{wanted}: {self._documents(names)}"

    def _documents(self, names: Mapping[str, str]) -> str:
        shown = [f"{names[one]} ({one[:12]})" if one in names else one for one in self.documents[:ROW_IDS_IN_ERROR]]
        more = self.failing - len(shown)
        return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")
