"""The log: its port, its payload, its chain, and one in memory."""
