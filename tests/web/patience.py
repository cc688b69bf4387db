"""How long a browser test waits for what it wants to see, before it calls it missing.

A wait ends as soon as the thing is there, so a long one costs a passing test nothing; a short one
fails on a slow or busy machine and says nothing about the pages.
"""

from __future__ import annotations

PATIENCE_S = 60.0
PATIENCE_MS = 60_000
