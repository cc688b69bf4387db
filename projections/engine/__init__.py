"""The machinery of projections: read the log, write rows with the checkpoint, rebuild."""
