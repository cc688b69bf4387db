"""Operators' way in: sign-in, the console's HTTP API, and its socket (docs/operator-api.md)."""
