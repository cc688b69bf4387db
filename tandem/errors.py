"""What a person at the command line is told when something cannot be done."""

from __future__ import annotations


class UserError(Exception):
    """One line: what is wrong, and what to do. Shown on stderr without a traceback, exit code 1."""
