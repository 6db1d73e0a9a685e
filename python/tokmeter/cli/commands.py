"""The table of commands, and how any of them ends. Knows what none of them does.

A command's module is imported when that command runs, so `--help` is quick and `count` needs no proxy.
"""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, ClassVar, NoReturn

import click

from tokmeter.cli.optimised import without_assertions
from tokmeter.errors import TokmeterError

SUMMARIES = {
    "run": "Run a command with its LLM traffic metered, and capped with --budget.",
    "proxy": "Run the metering proxy (the sidecar).",
    "watch": "Show spend as it happens.",
    "report": "Sum up spend from the ledger.",
    "budget": "Show budgets: spent, held, left, renewal.",
    "count": "Count the tokens of a text or a request.",
    "replay": "Meter a recording: HAR or mitmproxy flow file.",
    "inject": "Add the sidecar to Kubernetes manifests.",
    "injector": "Add it by an admission webhook.",
    "redirect": "Let the kernel send this pod's connections to the proxy.",
    "doctor": "Check this machine and say what to do.",
}
"""Command names, in the order of the help, each with its line of it."""

INTERRUPTED = 130


class NoSuchCommandError(TokmeterError):
    """The first word after `tokmeter` is none of the commands."""

    exit_code: ClassVar[int] = 2


class Commands(click.Group):
    """A group whose members are imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of the table."""
        return list(SUMMARIES)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; a name that is none is answered with the nearest one."""
        if args and args[0] not in SUMMARIES and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], SUMMARIES, n=1)
            hint = f"did you mean `tokmeter {near[0]}`?" if near else "`tokmeter --help` lists the commands"
            raise NoSuchCommandError(f"there is no command {args[0]!r}", hint=hint)
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - same
        """Import the command of that name; None when there is none."""
        if cmd_name not in SUMMARIES:
            return None
        command: click.Command = import_module(f"tokmeter.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - same
        """Write the list from the table, importing nothing."""
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the arguments, which is where the help is printed."""
        with _reader_may_leave():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, up to the last byte of its output."""
        with _reader_may_leave():
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result


@contextmanager
def _reader_may_leave() -> Iterator[None]:
    """A reader of our output that has seen enough (``| head``) is no failure."""
    try:
        yield
    except BrokenPipeError:
        _silence_stdout()
        raise click.exceptions.Exit(0) from None


def _silence_stdout() -> None:
    """The interpreter flushes stdout once more at exit: give it somewhere to write."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's call
    if wanted:
        from tokmeter import __version__

        click.echo(f"tokmeter {__version__}")
        ctx.exit()


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version."
)
def commands() -> None:
    """Meter, price and cap the LLM traffic of unmodified programs."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and end the process with its status: 0 well, 1 failed, 2 wrong use or configuration."""
    if arguments is None:
        without_assertions()
    try:
        status = commands.main(args=arguments, prog_name="tokmeter", standalone_mode=False)
    except TokmeterError as error:
        click.echo("\n".join(error.lines()), err=True)
        sys.exit(error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        # Nothing was asked for: the help itself is the answer.
        click.echo(error.format_message(), err=True)
        sys.exit(error.exit_code)
    except click.UsageError as error:
        used = error.ctx.command_path if error.ctx else "tokmeter"
        shown = TokmeterError(error.format_message().removesuffix("."), hint=f"`{used} --help` explains the options")
        click.echo("\n".join(shown.lines()), err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        click.echo(f"error: {error.format_message()}", err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except OSError as error:
        # What no command expects, such as a full disk under its output.
        _silence_stdout()
        shown = TokmeterError((error.strerror or str(error)).lower(), where=error.filename)
        click.echo("\n".join(shown.lines()), err=True)
        sys.exit(shown.exit_code)
    sys.exit(status if isinstance(status, int) else 0)
