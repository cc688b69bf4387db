"""Embedding: texts into vectors, behind Ray Serve."""
