"""Clients of the gateway, for the command line, tests and benchmarks."""
