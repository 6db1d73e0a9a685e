"""The live view: a pure model of what was seen, where it comes from, and how it is drawn."""
