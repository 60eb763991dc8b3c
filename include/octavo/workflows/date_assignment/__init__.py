"""Giving undated archives their days: a manifest that people review, and putting the documents where each day's run finds them."""

from octavo.workflows.date_assignment.manifest import ManifestRow, read, write
from octavo.workflows.date_assignment.placing import Placed, State, place
from octavo.workflows.date_assignment.proposing import Method, propose

__all__ = ["ManifestRow", "Method", "Placed", "State", "place", "propose", "read", "write"]
