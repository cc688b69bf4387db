"""Figures from the read models."""
