"""The conversation's rules, pure: commands, State, decide, evolve."""
