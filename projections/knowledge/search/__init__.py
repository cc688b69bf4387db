"""Searching the knowledge index."""
