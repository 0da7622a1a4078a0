"""``sightline users``: users from the shell, for whoever has the machine."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from sightline.cli.console import say, stdout
from sightline.core.errors import InvalidInputError, MissingExtraError

if TYPE_CHECKING:
    from sightline.store.accounts import Accounts
    from sightline.store.audit import AuditTrail
    from sightline.store.database import Database

ROLES = ("viewer", "operator", "custodian", "admin")
ACTOR = "shell"

data_option = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder of the server.  [default: the user's]"
)
_name = click.argument("name")


@contextmanager
def opened(data: Path | None) -> Iterator[tuple[Database, Path]]:
    """Open the database of a data folder that is there, beside a server that runs or without one.

    Raises
    ------
    InvalidInputError
        When there is no such folder.
    MissingExtraError
        When the server's parts are not installed.
    """
    try:
        from sightline.server.config import default_data
        from sightline.store.database import open_database
    except ModuleNotFoundError as error:
        raise MissingExtraError("server", "the server") from error
    folder = (data or default_data()).absolute()
    if not folder.is_dir():
        raise InvalidInputError(f"{folder}: there is no data folder yet; sightline serve makes it, or name another with --data")
    with open_database(folder) as database:
        yield database, folder


@contextmanager
def _accounts(data: Path | None) -> Iterator[tuple[Accounts, AuditTrail]]:
    with opened(data) as (database, folder):
        from sightline.store.accounts import Accounts
        from sightline.store.audit import AuditTrail

        yield Accounts(database), AuditTrail(database, folder / "keys")


@click.group()
def users() -> None:
    """Users: add, list, new password, disable, a new token for the owner. What is changed here counts within seconds."""


@users.command("list")
@data_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
def list_users(data: Path | None, as_json: bool) -> None:
    """List the users."""
    with _accounts(data) as (accounts, _):
        found = accounts.users()
    if as_json:
        print(json.dumps([user.model_dump(mode="json") for user in found], indent=1))
        return
    table = Table("name", "role", "state", "last seen", box=None, header_style="bold", pad_edge=False)
    for user in found:
        seen = "never" if user.last_seen_at is None else f"{user.last_seen_at:%Y-%m-%d %H:%M} UTC"
        table.add_row(user.name, user.role, "disabled" if user.disabled else "", seen)
    stdout.print(table)


@users.command("add")
@_name
@click.option("--role", type=click.Choice(ROLES), default="viewer", show_default=True)
@data_option
def add_user(name: str, role: str, data: Path | None) -> None:
    """Add a user; the password is asked for, or read from stdin where that is no terminal."""
    from sightline.api.accounts import NewUser

    new: NewUser = _checked(NewUser, name=name, role=role, password=_password())
    with _accounts(data) as (accounts, audit):
        user = accounts.add_user(new)
        audit.write(ACTOR, "user.add", f"user/{user.id}", name=user.name, role=user.role)
    say(f"{user.name} can sign in, as {user.role}.")


@users.command("passwd")
@_name
@data_option
def new_password(name: str, data: Path | None) -> None:
    """Give a user a new password; all their sessions end."""
    from sightline.api.accounts import UserChange

    change: UserChange = _checked(UserChange, password=_password())
    _change(name, data, change, password="changed")
    say(f"{name} has a new password; all sessions have ended.")


@users.command("disable")
@_name
@click.option("--undo", is_flag=True, help="Let them in again.")
@data_option
def disable(name: str, undo: bool, data: Path | None) -> None:
    """Let a user in no longer: sessions end, keys stop working."""
    from sightline.api.accounts import UserChange

    _change(name, data, UserChange(disabled=not undo), disabled=not undo)
    say(f"{name} can sign in again." if undo else f"{name} is disabled.")


@users.command("token")
@data_option
def token(data: Path | None) -> None:
    """Make a new token that signs the owner in, an administrator; the one before no longer works."""
    with _accounts(data) as (accounts, audit):
        made = accounts.renew_owner_token()
        audit.write(ACTOR, "user.token", "user/owner")
    say("Open the console with #token=TOKEN at the end of its address, or send it as Authorization: Bearer. It is shown once:")
    print(made)


def _change(name: str, data: Path | None, change: Any, **detail: Any) -> None:
    with _accounts(data) as (accounts, audit):
        user = accounts.change_user(accounts.user_named(name).id, change)
        audit.write(ACTOR, "user.change", f"user/{user.id}", name=user.name, **detail)


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("Password (at least 12 characters): ")
    if getpass.getpass("Again: ") != first:
        raise InvalidInputError("the two passwords differ")
    return first


def _checked(body: Any, **fields: Any) -> Any:
    from pydantic import ValidationError

    try:
        return body(**fields)
    except ValidationError as error:
        wrong = "; ".join(f"{e['loc'][0]}: {e['msg']}" for e in error.errors(include_input=False, include_context=False))
        raise InvalidInputError(wrong) from None
