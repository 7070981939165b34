"""Import a login from another program, undo that, and export a login: a refresh token has one holder at every moment.

The order of an import is: a copy of the file, then the file without its refresh token, then our record. A run that is
killed in between leaves no program with a refresh token but the copy, from which the next run goes on. An undo and an
export go the other way: first our record loses the token, or the right to refresh it, then the file gets it.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from traktauth.client.sync_client import Trakt
from traktauth.errors import AppRejected, LoginExists, LoginRequired, StoreFailed, TryLater
from traktauth.flow.moved_login import check_not_moved
from traktauth.flow.refresh import refresh as refresh_login
from traktauth.flow.save_login import import_login
from traktauth.flow.user import read_user, with_user
from traktauth.hints import LOGIN_COMMAND, LOGOUT_COMMAND, STATUS_COMMAND, Hint, ShellCommand
from traktauth.migrate.formats import Format, FormatError, find_format
from traktauth.migrate.formats.foreign_login import ForeignLogin
from traktauth.migrate.import_copy import ImportCopy, load_copy, path_of_copy, save_copy
from traktauth.migrate.login_file import (
    LoginFile,
    LoginFileError,
    LoginFileNotDurable,
    absolute_path,
    find_file,
    read_file,
    sync_folder_of,
    write_file,
)
from traktauth.models import PendingRefresh, Record, Token, User
from traktauth.models.changes import BeginRefresh, CancelRefresh, DeleteToken, SetMoved
from traktauth.models.record import HistoryOutcome
from traktauth.stores.import_copy import remove_copy
from traktauth.stores.processes import this_process
from traktauth.timeouts import LOCK_TIMEOUT

_SPENT = frozenset({HistoryOutcome.REFRESHED, HistoryOutcome.SENT})


@dataclass(frozen=True, slots=True)
class Source:
    """Where a login comes from.

    Attributes:
        format: the format's name.
        text: what was read.
        file: the file; None: it came by a pipe.
    """

    format: str
    text: str = field(repr=False)
    file: LoginFile | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """A login that was imported.

    Attributes:
        token: as it was saved.
        user: whose it is; None if that is not known.
        expires_at: Unix seconds until when the other program works with its access token.
        was_there: whether an earlier run had finished already.
        was_refreshed: whether the API rejected the other program's access token, so that the login was refreshed.
    """

    token: Token
    user: User | None
    expires_at: float
    was_there: bool
    was_refreshed: bool = False


@dataclass(frozen=True, slots=True)
class Undone:
    """An import that was undone.

    Attributes:
        path: the file that has the login again.
        is_kept: whether the account keeps a login: one that had replaced the imported one.
    """

    path: Path
    is_kept: bool


def import_from(
    trakt: Trakt, source: Source, *, keep_source: bool = False, refresh: bool = False, replace: bool = False
) -> Imported:
    """Import a login.

    Args:
        trakt: the login to become.
        source: where it comes from.
        keep_source: leave the file as it is, so that there are two holders.
        refresh: go on if the API rejects the access token, and refresh it at once.
        replace: take the place of a login that is still valid.

    Raises:
        FormatError: the file is damaged, incomplete or of another program.
        AppRejected: it is of another app.
        LoginRequired: the API rejects its access token.
        LoginExists: the account has a login.
        TryLater: the API cannot be reached.
        StoreFailed: the store cannot keep it.
        LoginFileError: the file cannot be written.
    """
    config = trakt.config
    earlier = load_copy(trakt.store, config.key)
    source, login = _read(source, earlier, trakt, keep_source=keep_source)
    if login.client_id is not None and login.client_id != config.app.client_id:
        raise AppRejected(
            f"The login is of the app {login.client_id[:8]}…, and the settings name the app "
            f"{config.app.client_id[:8]}…: only its own app can refresh it",
            error="other_app",
            hint="Set TRAKTAUTH_CLIENT_ID and TRAKTAUTH_CLIENT_SECRET to the app of the file",
        )
    record = trakt.store.load(config.key)
    if record.token is not None and record.token.access_token == login.access_token:
        _finish(source, record)
        if earlier is not None and source.file is not None and earlier.path == str(source.file.path):
            _finish_copy(trakt, login)
        return Imported(record.token, record.user, login.expires_at, was_there=True)
    # Not `_run`, which would follow a login that was moved.
    run = trakt._driver.run  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - internal
    found = run(read_user(config.context, login.access_token))
    user = None if found is None else found[0]
    if user is None and not refresh:
        raise LoginRequired(
            "Trakt's API rejects the access token of this login; nothing was spent to find out more",
            reason="expired",
            hint=Hint("If no other program refreshes it any more: --refresh; else sign in: ", LOGIN_COMMAND),
        )
    if source.file is not None and not keep_source:
        source.file.check_writable()

    def hand_over() -> None:
        if source.file is not None and not keep_source:
            _take_from(source.file, source, login, trakt)

    token = run(import_login(config.context, login.token(), user, replace_login=replace, hand_over=hand_over))
    if not keep_source and source.file is not None:
        _finish_copy(trakt, login)
    if user is not None:
        return Imported(token, user, login.expires_at, was_there=False)
    token = run(with_user(config.context, refresh_login(config.context)))
    user = trakt.store.load(config.key).user
    return Imported(token, user, login.expires_at, was_there=False, was_refreshed=True)


def _read(source: Source, copy: ImportCopy | None, trakt: Trakt, *, keep_source: bool) -> tuple[Source, ForeignLogin]:
    """Return the login; that of the copy if an earlier run has taken the refresh token out of the file."""
    now, form = trakt.config.context.clock(), find_format(source.format)
    login = form.read(source.text, now=now)
    if login.refresh_token is not None or keep_source:
        return source, login
    if source.file is not None and copy is not None and _is_from(copy, source.file):
        earlier = form.read(copy.text, now=now)
        outcome = _find_outcome(trakt.store.load(trakt.config.key), earlier)
        is_left = copy.is_finished and outcome in {*_SPENT, HistoryOutcome.MOVED}  # by a run that was killed
        if earlier.access_token == login.access_token and not is_left:
            return Source(source.format, copy.text, source.file), earlier
    raise FormatError(
        "The file has no refresh token: it was imported before, or another program holds it",
        hint=Hint("Import the access token alone, until it expires: --keep-source; or sign in: ", LOGIN_COMMAND),
    )


def _is_from(copy: ImportCopy, file: LoginFile) -> bool:
    """Return whether a file without a refresh token is as the import left it of which this is the copy."""
    return copy.path == str(file.path) and (copy.is_finished or copy.blank == file.identity)


def _finish(source: Source, record: Record) -> None:
    """Do nothing more for a login that is here already; its file must not have a refresh token.

    Raises:
        LoginExists: it has one still.
    """
    if source.file is None or record.token is None:
        return
    if find_format(source.format).read(source.file.text, now=0).refresh_token is not None:
        raise LoginExists(
            "This login is here already, and the file holds its refresh token as well: two programs could refresh it",
            hint=Hint("Remove the file, or sign out: ", LOGOUT_COMMAND),
        )


def _take_from(file: LoginFile, source: Source, login: ForeignLogin, trakt: Trakt) -> None:
    """Take the refresh token out of a file, of which a copy is kept.

    Raises:
        LoginFileError: the file has changed, or cannot be written, or the copy of an earlier import would be lost.
    """
    store, key = trakt.store, trakt.config.key
    _check_copy(load_copy(store, key), file, trakt)
    blank = find_format(source.format).without_refresh_token(source.text)
    if file.text == blank:  # an earlier run was killed after this step; or its undo has just given the token back
        file.check_unchanged()
        return
    is_saved = False

    def save(identity: str) -> None:
        nonlocal is_saved
        copy = ImportCopy(source.format, str(file.path), source.text, login.token().fingerprint, identity)
        save_copy(store, key, copy)
        is_saved = True

    try:
        file.replace(blank, save)
    except BaseException:
        if is_saved and read_file(file.path).identity == file.identity:  # the copy would be a second holder
            path_of_copy(store, key).unlink(missing_ok=True)
        raise


def _check_copy(earlier: ImportCopy | None, file: LoginFile, trakt: Trakt) -> None:
    """Check that the copy of an earlier import is not the only holder of its refresh token: it would be overwritten.

    Raises:
        LoginFileError: it is.
    """
    if earlier is None or earlier.path == str(file.path):
        return
    login = find_format(earlier.format).read(earlier.text, now=0)
    outcome = _find_outcome(trakt.store.load(trakt.config.key), login)
    if not earlier.is_finished and outcome not in _SPENT:
        raise LoginFileError(
            f"An earlier import of {earlier.path} into this account, or its undo, was interrupted",
            hint=Hint("Finish it: ", _command("import", earlier.format, shlex.quote(earlier.path))),
        )
    if outcome is HistoryOutcome.SIGNED_IN:
        raise LoginFileError(
            f"The login of {earlier.path} was imported into this account and replaced; only the copy of that file "
            "has its refresh token, and this import would overwrite it",
            hint=Hint("Give it back to its program: ", _command("import", earlier.format, "--undo")),
        )


def _find_outcome(record: Record, login: ForeignLogin) -> HistoryOutcome | None:
    """Return what became of an imported login here, by the record's history; None if nothing, or if it is not known."""
    fingerprint = login.token().fingerprint
    found = [entry.outcome for entry in record.history if entry.fingerprint == fingerprint]
    return found[-1] if found else None


def _finish_copy(trakt: Trakt, login: ForeignLogin) -> None:
    """Note in the copy of a login that the login was saved; the copy may be that of a later import by now."""
    store, key = trakt.store, trakt.config.key
    with store.lock(key, LOCK_TIMEOUT) as held:
        copy = load_copy(store, key) if held else None  # a later run finishes it
        if copy is not None and copy.fingerprint == login.token().fingerprint and not copy.is_finished:
            save_copy(store, key, replace(copy, is_finished=True))


def undo_import(trakt: Trakt) -> Undone:
    """Give an imported login back to its file, and forget it here, unless another login has replaced it.

    The copy of the file is removed only when the file has the login again.

    Raises:
        LoginRequired: nothing was imported, or it was refreshed or moved since.
        TryLater: a refresh of it is pending.
        LoginFileError: the file has been changed, or cannot be written; then `--undo` can be run again; or the history
            does not show whether the login was refreshed.
        StoreFailed: the store cannot be written, or is busy.
    """
    key, store = trakt.config.key, trakt.store
    with store.lock(key, LOCK_TIMEOUT) as held:
        if not held:
            raise StoreFailed("Another program is refreshing this login; try again")
        return _undo_under_lock(trakt)


def _undo_under_lock(trakt: Trakt) -> Undone:
    key, store = trakt.config.key, trakt.store
    copy_at = path_of_copy(store, key)
    copy = load_copy(store, key)
    if copy is None:
        raise LoginRequired(
            "This account has no import to undo: there was none, or its login was refreshed, signed out or moved since",
            reason="never",
            hint=Hint(
                "See which logins are here: ",
                STATUS_COMMAND,
                ". Give one to a program: ",
                _command("export", "FORMAT", "PATH --transfer"),
            ),
        )
    form, path = find_format(copy.format), Path(copy.path)
    login = form.read(copy.text, now=trakt.config.context.clock())
    record = store.load(key)
    is_here = record.token is not None and record.token.access_token == login.access_token
    _check_unspent(record, login, copy, copy_at, is_here=is_here)
    file = find_file(path)
    if file is not None:
        file.check_own()
    blank = form.without_refresh_token(copy.text)
    if not is_here and file is not None and file.text == blank != copy.text and not _is_from(copy, file):
        raise LoginFileError(
            f"{path} has lost its refresh token in another way than by this import, so another program may have it",
            hint=f"If none has, remove {path} and run the command again; else remove {copy_at}",
        )
    if file is not None and file.text not in (blank, copy.text):
        raise LoginFileError(
            f"{path} has been changed since the import; nothing was written to it",
            hint="Move that file away, and run the command again",
        )
    if is_here:
        # If this run is killed after the next step, only the copy has the refresh token; an import continues it.
        save_copy(store, key, replace(copy, is_finished=False))
        store.apply(key, DeleteToken(record.generation))
    _write_over(file, path, copy.text, like=file)
    _remove_used_copy(copy_at, path)
    return Undone(path, is_kept=record.token is not None and not is_here)


def _remove_used_copy(copy_at: Path, path: Path) -> None:
    """Remove a copy whose login is back in its file.

    Raises:
        LoginFileError: it is still there.
    """
    try:
        copy_at.unlink(missing_ok=True)
    except OSError as error:
        raise LoginFileError(
            f"The login is back in {path}, but its copy {copy_at} cannot be removed: {error.strerror or error}",
            hint="Remove it: it holds the refresh token, too",
        ) from error


def _check_unspent(record: Record, login: ForeignLogin, copy: ImportCopy, copy_at: Path, *, is_here: bool) -> None:
    """Check that the refresh token of an imported login was not sent, so that its file may have it again.

    Raises:
        LoginRequired: it was, or the login was moved.
        LoginFileError: the history does not show whether it was.
        TryLater: it was sent, and no response was saved.
    """
    if is_here:
        if record.pending_refresh is not None:
            raise TryLater(
                "A refresh of this login is pending; undo the import when that is settled",
                retry_after=60.0,
                hint=Hint("See when: ", STATUS_COMMAND),
            )
        return
    outcome = _find_outcome(record, login)
    is_never_saved = outcome is None and not copy.is_finished
    if is_never_saved or outcome in {HistoryOutcome.SIGNED_IN, HistoryOutcome.SIGNED_OUT}:
        return
    if outcome is HistoryOutcome.MOVED or (outcome is None and record.moved_to is not None):
        raise LoginRequired("The login was moved on since the import", reason="moved")
    if record.token is None and outcome not in _SPENT and not (outcome is None and record.history):
        return
    if outcome in _SPENT:
        raise LoginRequired(
            "The login was refreshed since the import, so the file's refresh token is spent",
            reason="revoked",
            hint=Hint("Export it instead: ", _command("export", copy.format, f"{shlex.quote(copy.path)} --transfer")),
        )
    raise LoginFileError(
        "The account has had another login since the import, and its history does not show whether the imported one "
        "was refreshed",
        hint=f"Sign in with the other program again, and remove {copy_at}",
    )


def export_access_token(trakt: Trakt, format_name: str, path: Path | None) -> str:
    """Return a file with the login's access token and no refresh token; write it if there is a path.

    Raises:
        LoginRequired, TryLater, StoreFailed: as for `Trakt.token`.
        LoginFileError: the file holds a login with a refresh token, or cannot be written.
        FormatError: the file is damaged, or must be there already.
    """
    text, file = _text_with(trakt, trakt.token(), format_name, path, with_refresh_token=False)
    if path is not None:
        _write_over(file, path, text)
    return text


def export_login(trakt: Trakt, format_name: str, path: Path) -> None:
    """Write the login with its refresh token, and mark it as moved here.

    Raises:
        LoginRequired: the account has no login, or it cannot be refreshed.
        LoginMoved: another store has the login.
        TryLater: a refresh is pending.
        LoginFileError, FormatError: as for `export_access_token`; the login stays here.
        StoreFailed: the store cannot be written, or is busy.
    """
    key, store = trakt.config.key, trakt.store
    path = absolute_path(path)
    target = f"export:{format_name}:{path}"
    with store.lock(key, LOCK_TIMEOUT) as held:
        if not held:
            raise StoreFailed("Another program is refreshing this login; try again")
        record = store.load(key)
        check_not_moved(record)
        token = record.token
        if token is None or token.refresh_token is None or not record.refreshable:
            raise LoginRequired("This login has no refresh token that could be exported")
        if record.rejected_at is not None:
            # A file cannot note this; the other program would use the token until it expires, and then refresh it.
            token = replace(token, expires_at=min(token.expires_at, record.rejected_at), created_at=None)
        pending = record.pending_refresh
        if pending is not None and pending.moving_to != target:
            raise TryLater("A refresh of this login is pending; export it when that is settled", retry_after=60.0)
        if pending is not None:
            # If the earlier run has written the file, its program may have refreshed the login since, and would send a
            # spent token if the file were written again.
            if _holds_login(find_format(format_name), find_file(path)):
                sync_folder_of(path)
            else:
                text, file = _text_with(trakt, token, format_name, path, with_refresh_token=True)
                _write_if_pending(trakt, pending, path, text, file)
        else:
            text, file = _text_with(trakt, token, format_name, path, with_refresh_token=True)
            mine = PendingRefresh(
                record.generation, 1, round(trakt.config.context.clock(), 3), this_process(), moving_to=target
            )
            if not store.apply(key, BeginRefresh(mine)):
                raise StoreFailed("Another program is refreshing this login; try again")
            try:
                _write_if_pending(trakt, mine, path, text, file)
            except LoginFileNotDurable:
                raise  # the file holds the login now: the next run goes on from here
            except Exception:
                store.apply(key, CancelRefresh(mine, None))
                raise
        store.apply(key, SetMoved(record.generation, target))
        remove_copy(store.address, key, token.fingerprint)


def _write_if_pending(trakt: Trakt, pending: PendingRefresh, path: Path, text: str, file: LoginFile | None) -> None:
    """Write an export's file if the login is still being moved: this process may have been stopped beyond its lease.

    Raises:
        StoreFailed: another process has refreshed the login meanwhile.
        LoginFileError: the file was changed meanwhile, or cannot be written.
    """

    def check(_identity: str) -> None:
        if trakt.store.load(trakt.config.key).pending_refresh != pending:
            raise StoreFailed("Another program has refreshed this login meanwhile; try again")

    _write_over(file, path, text, before_rename=check)


def _write_over(
    found: LoginFile | None,
    path: Path,
    text: str,
    *,
    like: LoginFile | None = None,
    before_rename: Callable[[str], None] | None = None,
) -> None:
    """Write a file if it is still as it was found, or is still missing if it was; see `write_file`."""
    expected = None if found is None else found.content
    write_file(path, text, like=like, expected=expected, is_new=found is None, before_rename=before_rename)


def _text_with(
    trakt: Trakt,
    token: Token,
    format_name: str,
    path: Path | None,
    *,
    with_refresh_token: bool,
) -> tuple[str, LoginFile | None]:
    """Return the file's new text, and the file as it is; one that holds a login of its own is not overwritten."""
    form = find_format(format_name)
    text = None
    file = None if path is None else find_file(path)
    if file is not None:
        file.check_own("name another file")  # before it is read: another user may have made it to keep this one busy
        if _holds_login(form, file):
            raise LoginFileError(
                f"{path} holds a login with a refresh token, which would be lost",
                hint="Import it first, or name another file",
            )
        text = file.text if file.content.strip() else None
    return form.write(ForeignLogin.of(trakt.config.app, token, with_refresh_token=with_refresh_token), text), file


def _holds_login(form: Format, file: LoginFile | None) -> bool:
    """Return whether a file has a login with a refresh token."""
    if file is None:
        return False
    try:
        return form.read(file.text, now=0).refresh_token is not None
    except FormatError:
        with suppress(FormatError):  # no login yet, or one with a part that is damaged
            return form.without_refresh_token(file.text) != file.text
        return False


def _command(verb: str, format_name: str, arguments: str) -> ShellCommand:
    return ShellCommand(f"traktauth {verb} {format_name}", arguments, "login")
