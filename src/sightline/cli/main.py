"""The ``sightline`` command."""

from __future__ import annotations

import os
import sys

import click

import sightline
from sightline.cli.analyze import analyze
from sightline.cli.audit import audit
from sightline.cli.backup import backup, restore
from sightline.cli.console import say
from sightline.cli.doctor import doctor
from sightline.cli.models import models
from sightline.cli.serve import serve
from sightline.cli.users import users
from sightline.core.errors import SightlineError

BAD_INPUT, INTERRUPTED, READER_GONE = 2, 130, 141


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(sightline.__version__, message="sightline %(version)s")
def cli() -> None:
    """Look at any picture or video and say what is in it. Everything stays on this machine."""


cli.add_command(analyze)
cli.add_command(backup)
cli.add_command(restore)
cli.add_command(audit)
cli.add_command(doctor)
cli.add_command(models)
cli.add_command(serve)
cli.add_command(users)


def main() -> None:
    """Run the command; an error is one line on stderr and exit code 2, Ctrl-C is 130."""
    try:
        code = cli(standalone_mode=False)
    except SightlineError as error:
        say(f"error: {error}", style="red")
        code = BAD_INPUT
    except (KeyboardInterrupt, click.Abort):
        say("stopped; what was finished is whole")
        code = INTERRUPTED
    except BrokenPipeError:
        # Whoever read stdout has gone; nothing more can be told, and Python must not try again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = READER_GONE
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    sys.exit(code if isinstance(code, int) else 0)
