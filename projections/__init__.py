"""What can be asked? Postgres read models and the knowledge index."""
