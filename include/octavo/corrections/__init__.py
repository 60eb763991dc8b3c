"""Corrections: what people said about values. Kept by document and field path, in a store that nothing prunes."""

from octavo.corrections.store import Action, Correction, CorrectionStore

__all__ = ["Action", "Correction", "CorrectionStore"]
