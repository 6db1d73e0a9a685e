"""The live view: a pure model of what was seen, where it comes from, and how it is drawn."""

from tokmeter.watch.model import Board, Budget, Row
from tokmeter.watch.plain import render

__all__ = ["Board", "Budget", "Row", "render"]
