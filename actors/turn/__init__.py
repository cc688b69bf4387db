"""One AI turn: recall, search, generate, guard."""
