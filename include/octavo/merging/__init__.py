"""Merging: answers become fields that carry their evidence and a verdict, without a language model.

candidates → grounding (does the page say it?) → ties (is it this field?) → resolution → records.
"""

from octavo.merging.stage import run

__all__ = ["run"]
