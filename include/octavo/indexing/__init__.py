"""Giving undated archives their days: a manifest that people review, and putting the documents where each day's run finds them."""

from octavo.indexing.manifest import Row, read, write
from octavo.indexing.placing import Placed, State, place
from octavo.indexing.proposing import Method, propose

__all__ = ["Method", "Placed", "Row", "State", "place", "propose", "read", "write"]
