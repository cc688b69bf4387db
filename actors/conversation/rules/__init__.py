"""The decider's rules, a file for each of those who may ask. Pure."""
