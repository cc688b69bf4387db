"""Retrieval: what a turn asks for its sources."""
