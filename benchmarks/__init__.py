"""How fast, how good? Each with its method; `python -m benchmarks` runs them all."""
