"""One module a command; each has a function of the same name, which Typer reads."""
