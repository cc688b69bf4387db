"""The knowledge index: a projection of document facts into chunks and vectors."""
