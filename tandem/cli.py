"""The command `tandem`. Each command is a module in `tandem/commands/` with a function of the same
name, or with several in `COMMANDS`, or with a `GROUP` of commands of its own; modules import what
is heavy inside their functions, so that help is quick."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    import typer

ABOUT = """An AI answers your customers, people take over when that is better, nothing is lost.

`tandem up` starts everything on this machine. The other commands talk to what runs.
"""


def build() -> typer.Typer:
    """The app with all commands."""
    import importlib  # see main: nothing is imported before the version check
    import pkgutil

    import typer

    from tandem import commands

    app = typer.Typer(
        name="tandem",
        help=ABOUT,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    found = [module.name for module in pkgutil.iter_modules(commands.__path__)]
    first = [name for name in ("up", "doctor", "ask") if name in found]
    for name in [*first, *(name for name in found if name not in first)]:
        _add(app, name, importlib.import_module(f"tandem.commands.{name}"))
    return app


def _add(app: typer.Typer, name: str, module: ModuleType) -> None:
    panel = getattr(module, "PANEL", None)
    if (group := getattr(module, "GROUP", None)) is not None:
        app.add_typer(group, name=name, rich_help_panel=panel)
        return
    for command in getattr(module, "COMMANDS", None) or (getattr(module, name),):
        app.command(command.__name__, rich_help_panel=panel)(command)


def main() -> None:
    """The entry point. Every error is one line on stderr and an exit code that is not zero."""
    if sys.version_info < (3, 11):  # noqa: UP036 # an older Python can get here by hand
        sys.exit(f"tandem needs Python 3.11 or newer, this is {sys.version.split()[0]}")
    try:
        sys.exit(_run())
    except ModuleNotFoundError as error:
        sys.exit(f"tandem: the library {error.name} is missing: run `make .venv`")
    except KeyboardInterrupt:
        sys.exit(130)


def _run() -> int:
    import errno  # see main
    import os

    import typer

    from tandem.embedded.process import ServerFailed
    from tandem.errors import UserError

    try:
        arguments = sys.argv[1:] or ["--help"]
        return int(build()(args=arguments, prog_name="tandem", standalone_mode=False) or 0)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "tandem"
        message = error.format_message()
        end = "" if message.endswith((".", "?")) else "."
        return _say(f"{message}{end} Try `{command} --help`.", error.exit_code)
    except typer.Abort:
        return 130
    except (UserError, ServerFailed) as error:
        return _say(str(error))
    except OSError as error:
        if os.environ.get("TANDEM_LOG_LEVEL") == "debug":
            raise
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _say(f"the disk is full ({error.filename or 'unknown file'}): free some space")
        return _say(str(error))
    except ModuleNotFoundError:
        raise
    except Exception as error:
        if os.environ.get("TANDEM_LOG_LEVEL") == "debug":
            raise
        text = " ".join(str(error).split())[:300]
        name = type(error).__name__
        return _say(f"unexpected {name}: {text} (TANDEM_LOG_LEVEL=debug shows where)")


def _say(line: str, exit_code: int = 1) -> int:
    print(f"tandem: {line}", file=sys.stderr)
    return exit_code
