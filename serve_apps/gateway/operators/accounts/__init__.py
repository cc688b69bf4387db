"""Operators' accounts: sign-in, sessions, roles."""
