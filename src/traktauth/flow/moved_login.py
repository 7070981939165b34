"""A login that was moved to another store, or is being moved: where to, and what the user can do."""

from __future__ import annotations

import shlex
from typing import TypeVar

from traktauth.display import find_unsafe
from traktauth.errors import LoginMoved, LoginRequired, TraktAuthError, TryLater
from traktauth.flow.effects import Flow, Load
from traktauth.hints import LOGIN_COMMAND, LOGOUT_COMMAND, MOVE_COMMAND, Hint, ShellCommand
from traktauth.models import Record
from traktauth.models.store_address import EXPORT, is_store_address

T = TypeVar("T")

MAX_ADDRESS = 2048  # characters of a store's address that a hint may contain


def describe_target(address: str) -> tuple[str, Hint]:
    """Return where a login was moved to, and the command that uses that store.

    The address stands in the record, so any program that can write the store can write anything there: what is not the
    address of a store is not shown, and the command is quoted for a shell.
    """
    exported = _export_target(address)
    if exported is not None:
        name, path = exported
        where = f"{path} (a file of the format {name})" if path else f"a file of the format {name}"
        return where, Hint("Take it back: ", _command("import", name, path), "; or sign in: ", LOGIN_COMMAND)
    if not _can_be_shown(address):
        forget = LOGOUT_COMMAND.with_arguments("--local")
        return "an address that no store has", Hint("Forget that: ", forget, "; then sign in: ", LOGIN_COMMAND)
    return address, Hint(f"Use that store: --store {_quote(address)}, or TRAKTAUTH_STORE")


def _can_be_shown(address: str) -> bool:
    return is_store_address(address) and not find_unsafe(address) and len(address) <= MAX_ADDRESS


def moved_error(record: Record) -> TraktAuthError | None:
    """Return the error for a login that was moved: to another store, or to another program; None if it was not.

    The driver follows a login to the store that LoginMoved names.
    """
    if record.moved_to is None:
        return None
    where, command = describe_target(record.moved_to)
    message = f"This login was moved to {where}"
    if _export_target(record.moved_to) is not None:
        exported = LoginRequired(message, reason="moved", hint="Take it back, or let the user sign in: login()")
        exported.hint_command = command
        return exported
    if _can_be_shown(record.moved_to):
        moved = LoginMoved(message, store=record.moved_to, generation=record.generation)
    else:
        forget = "Forget where it went: logout(local=True); then let the user sign in: login()"
        moved = LoginMoved(message, generation=record.generation, hint=forget)
    moved.hint_command = command
    return moved


def check_not_moved(record: Record) -> None:
    """Refuse to save a new login where the record says that another store has it.

    Raises:
        LoginMoved: another store has it.
    """
    error = moved_error(record)
    if isinstance(error, LoginMoved):
        raise error


def unless_moved(flow: Flow[T]) -> Flow[T]:
    """Run a sign-in, unless another store has the account's login.

    Raises:
        LoginMoved: another store has it.
    """
    check_not_moved((yield from Load()))
    return (yield from flow)


def finishing_command(address: str) -> ShellCommand:
    """Return the command that finishes a move that was interrupted."""
    exported = _export_target(address)
    return MOVE_COMMAND if exported is None else _command("export", *exported, "--transfer")


def being_moved(address: str, *, is_valid: bool) -> TraktAuthError:
    """Return why no refresh is sent during a move: the other store may have the token already, and then refreshes it.

    Args:
        address: where the login is being moved to.
        is_valid: whether the access token is.
    """
    is_export = _export_target(address) is not None
    message = f"This login is being moved to {'a file' if is_export else 'another store'}"
    finish = finishing_command(address)
    error: TraktAuthError
    if is_valid:
        error = TryLater(message, retry_after=1.0, hint="If the move was interrupted, finish it")
    elif is_export:
        error = LoginRequired(message, reason="moved", hint="Finish the export")
    else:
        store = address if _can_be_shown(address) else ""
        error = LoginMoved(message, store=store, is_finished=False, hint="Finish the move")
    error.hint_command = Hint(error.hint, ": ", finish)
    return error


def _export_target(address: str) -> tuple[str, str] | None:
    """Return the format and the path of an export; an empty path if it cannot be shown; None: not of an export."""
    name, _, path = address.removeprefix(EXPORT).partition(":")
    if not address.startswith(EXPORT) or not name.isalpha() or not name.isascii():
        return None
    return name, "" if find_unsafe(path) or len(path) > MAX_ADDRESS else path


def _command(verb: str, format_name: str, path: str, *options: str) -> ShellCommand:
    arguments = " ".join((_quote(path) if path else "PATH", *options))
    return ShellCommand(f"traktauth {verb} {format_name}", arguments, "login")


def _quote(text: str) -> str:
    return shlex.quote(text)
