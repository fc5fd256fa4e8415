"""The commands as one program, and the one rim where errors become a line and an exit code.

It does nothing itself. Invariant: whatever is typed, the answer is a result, or one line on stderr
(one for each error of a configuration file) and the exit code of the one mapping of failures.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from ..errors import FedpullError
from .change_log import changes
from .demo import demo
from .examining import doctor
from .explaining import explain
from .exporting import export
from .fetching import fetch, pull
from .following import follow, follows, import_file, unfollow
from .keys import key
from .mail import deliveries, followers, notifications
from .moderating import blocklist, forget
from .options import common
from .publishing import publish
from .reading import get, list_objects
from .running import hosts, init, run, status
from .session import Session
from .threads import thread
from .upkeep import backup, check, compact, rebuild

# What a shell reports of a program that a closed pipe has ended: 128 + SIGPIPE.
_BROKEN_PIPE = 141
_INTERRUPTED = 130
_BUG = 1

_COMMANDS = (
    *(init, run, pull, fetch, get, list_objects, thread, changes, explain),
    *(follow, unfollow, follows, import_file, export, followers, notifications),
    *(publish, deliveries),
    *(forget, blocklist, status, hosts, doctor, check, backup, compact, rebuild, key, demo),
)


def _version(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"fedpull {version('fedpull')}")
        context.exit()


class Commands(click.Group):
    """The commands in the order in which a newcomer needs them."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except BrokenPipeError as error:  # click would exit 1, which is a bug's
            raise _ReaderGoneError from error


class _ReaderGoneError(Exception):
    """Whoever read our output has enough of it."""


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `fedpull demo`, or `fedpull pull @alice@example.social`.",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_version,
    help="Show the version and exit.",
)
@common
def program() -> None:
    """A pull-first ActivityPub crawler and cache.

    Name actors of the Fediverse; Fedpull pages through what they have published, keeps it in a
    local store, and keeps that copy fresh. Other programs read it: from Python, over HTTP, or with
    the commands below.
    """


for _command in _COMMANDS:
    program.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code."""
    session = Session()
    try:
        result = program.main(
            list(arguments) if arguments is not None else None,
            prog_name="fedpull",
            standalone_mode=False,
            obj=session,
        )
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.UsageError as error:
        return _usage(error)
    except click.ClickException as error:
        return _told(error.format_message(), 2)
    except FedpullError as error:
        return _told(str(error), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return _INTERRUPTED
    except (BrokenPipeError, _ReaderGoneError):
        # What is still buffered must not fail once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except OSError as error:
        return _told(" ".join(str(error).split()), _BUG)
    except Exception as error:
        if session.debug:
            raise
        what = " ".join(f"{type(error).__name__}: {error}".split())
        return _told(f"{what}: this is a bug; --debug shows where", _BUG)
    return result if isinstance(result, int) else 0


def _usage(error: click.UsageError) -> int:
    where = error.ctx.command_path if error.ctx is not None else "fedpull"
    message = error.format_message().rstrip(".")
    return _told(f"{message} (see `{where} --help`)", error.exit_code)


def _told(message: str, code: int) -> int:
    for line in message.splitlines() or [""]:
        click.echo(f"fedpull: {line}", err=True)
    return code
