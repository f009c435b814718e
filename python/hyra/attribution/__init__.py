"""Which pixels a whole network uses, and what becomes of frequencies inside it."""
