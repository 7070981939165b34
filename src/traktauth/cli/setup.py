"""`traktauth setup`."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import click
import tomlkit
from click.core import ParameterSource

from traktauth.cli.click_classes import Command
from traktauth.cli.common_options import CommonOptions, naming_settings
from traktauth.cli.doctor.app import LOOPBACK, apps_page, ask_service, describe_known, rejection
from traktauth.cli.options import common_options
from traktauth.cli.output import BAD, GOOD, NEXT, WARNING, can_ask, print_json, print_message, style
from traktauth.client.settings import Settings, read_file, read_settings
from traktauth.display import escape
from traktauth.errors import AppInvalid, TraktAuthError
from traktauth.flow.app_check import AppCheck, AppStatus
from traktauth.hints import DOCTOR_COMMAND, Hint, ShellCommand
from traktauth.models import App
from traktauth.private_files import resolve
from traktauth.protocol import APPS_PAGE, OUT_OF_BAND
from traktauth.stores.errors import Hidden
from traktauth.stores.file.atomic_file import make_folder
from traktauth.stores.file.atomic_file import replace as replace_file
from traktauth.stores.user_folders import config_path, default_config_path

_MAX_SECRET = 4096  # characters
_TAKEN = (AppStatus.ACCEPTED, AppStatus.UNCLEAR)
_CORRECTIONS = {
    AppStatus.UNKNOWN_ID: "Correct the client id?",
    AppStatus.UNEXPECTED_SECRET: "Leave the secret out?",
    AppStatus.UNKNOWN_REDIRECT: "Correct the redirect address?",
}
_OPTIONS = "traktauth setup --client-id ID --secret-stdin --redirect-uri URI --service NAME --yes"
_SAVED = ("client_id", "client_secret", "redirect_uri", "service")


@click.command("setup", cls=Command)
@common_options("service", "json")
@click.option("--client-id", metavar="ID", help="The app's client id.")
@click.option("--secret-stdin", is_flag=True, help="Read the app's secret from stdin; an empty line: a public app.")
@click.option("--redirect-uri", metavar="URI", help=f"The app's redirect address (default: {LOOPBACK}).")
@click.option("-y", "--yes", is_flag=True, help="Replace other settings, and ask nothing.")
def command(
    options: CommonOptions, client_id: str | None, redirect_uri: str | None, *, secret_stdin: bool, yes: bool
) -> int:
    """Set up the app to sign in with.

    Asks for the app's client id, its secret, its redirect address and the service, checks them there, and writes them
    to the configuration file, which only you can read. Without a terminal, use options. Without
    --secret-stdin, the secret in the file is kept for the same client id; with another client id the app is a public
    app.

    Examples:
        traktauth setup
        # in a script
        traktauth setup --client-id ID --secret-stdin < secret.txt
        # for an app of a local Trakt
        traktauth setup --service http://127.0.0.1:8712
    """
    path = config_path(os.environ) or default_config_path()
    if path is None:
        raise TraktAuthError(
            "This user has no home folder for a configuration file", hint="Name one: TRAKTAUTH_CONFIG=/PATH.toml"
        )
    exists = Path(path).exists()
    environ = os.environ if exists else {**os.environ, "TRAKTAUTH_CONFIG": os.devnull}
    asks = can_ask() and not options.json and not yes
    if not asks and client_id is None:
        raise click.UsageError(
            f"Without a terminal, or with --json or --yes, setup needs options: {_OPTIONS}",
            click.get_current_context(),
        )
    with naming_settings():
        present = read_file(path) if exists else {}
        choice = read_settings(environ, client_id=client_id, redirect_uri=redirect_uri, service=options.service)
    keeps_secret = present.get("client_id") == choice.client_id
    choice = replace(choice, client_secret=present.get("client_secret") if keeps_secret else None)
    if choice.redirect_uri == OUT_OF_BAND and redirect_uri is None:
        choice = replace(choice, redirect_uri=LOOPBACK)
    if asks:
        asked = _ask_all(choice, has_client_id=client_id is not None)
        if asked is None or not _may_replace(path, present, asked[0]):
            print_message("Nothing was changed.")
            return 0
        choice, check = asked
    else:
        if secret_stdin:
            choice = replace(choice, client_secret=_read_secret())
        check = _check_options(choice, path, present, yes=yes)
    change_settings(path, _to_save(choice))
    _say_done(options, path, choice, check)
    return 0


def _app(choice: Settings) -> App:
    return App(choice.client_id, client_secret=choice.client_secret, redirect_uri=choice.redirect_uri)


def _to_save(choice: Settings) -> dict[str, str | None]:
    return {name: getattr(choice, name) for name in _SAVED}


def _changed_settings(present: dict[str, object], choice: Settings) -> str:
    """Return the names of the settings in the file that would change."""
    return ", ".join(name for name, chosen in _to_save(choice).items() if name in present and present[name] != chosen)


# ---------------------------------------------------------------- from options
def _check_options(choice: Settings, path: str, present: dict[str, object], *, yes: bool) -> AppCheck:
    """Return what the service says about what the options say."""
    app, service = _app(choice), choice.find_service()
    replaced = _changed_settings(present, choice)
    if replaced and not yes:
        context = click.get_current_context()
        differs = click.UsageError(f"{path} has another {replaced}", context)
        differs.add_note(Hint("To replace: ", ShellCommand(_command_with_yes(context))))
        raise differs
    check = ask_service(app, service)
    if check.status in _TAKEN:
        return check
    error, page = rejection(app, service, check.status), apps_page(service)
    error.hint = {
        AppStatus.UNKNOWN_ID: f"Compare it with {page}, and --service with where the app was made",
        AppStatus.UNEXPECTED_SECRET: "Give an empty line as the secret: --secret-stdin < /dev/null",
        AppStatus.UNKNOWN_REDIRECT: f"Register it on {page}, or give the registered one: --redirect-uri ADDRESS",
    }.get(check.status, f"Copy the Client Secret from {page} and give it on stdin: --secret-stdin")
    error.message += "; nothing was saved"
    raise error


def _command_with_yes(context: click.Context) -> str:
    """Return the command as it was given, with --yes."""
    words = context.command_path.split()
    for parameter in context.command.params:
        if context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE:
            value = context.params[parameter.name or ""]
            words += [parameter.opts[0], *([] if value is True else [str(value)])]
    return f"{shlex.join(words)} --yes"


def _read_secret() -> str | None:
    """Return the secret on stdin; None for a public app."""
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison] - closed before us
        error = EOFError("Standard input is closed; give it the app's secret")
        redirect = ShellCommand("traktauth setup --client-id ID --secret-stdin --yes < secret.txt")
        error.add_note(Hint("Redirect it: ", redirect))
        raise error
    if sys.stdin.isatty():
        return _prompt("Client Secret (not shown; empty: public app)", is_hidden=True) or None
    return sys.stdin.readline(_MAX_SECRET).strip() or None


# ---------------------------------------------------------------- from a user
def _ask_all(choice: Settings, *, has_client_id: bool) -> tuple[Settings, AppCheck] | None:
    """Ask for each setting until the service takes them; None if the user gives up."""
    _app(replace(choice, client_id=choice.client_id or "x", client_secret=None))  # what was given must be valid
    service, proposed = choice.find_service(), choice.redirect_uri
    print_message("Set up the app that you sign in with. Open it, or create one, at")
    print_message(style(APPS_PAGE if service.realm == "trakt" else service.website, "cyan"), indent=2)
    print_message("Register exactly this redirect address there:")
    print_message(style(proposed, "green"), indent=2)
    choice = _ask_secret(choice if has_client_id else _ask_id(choice))
    choice = _ask(choice, "redirect_uri", "Redirect address, exactly as registered")
    if choice.redirect_uri != proposed:
        print_message("Register exactly this redirect address there, not the one above:")
        print_message(style(choice.redirect_uri, "green"), indent=2)
    choice = _ask(choice, "service", "Service")
    while True:
        app, service = _app(choice), choice.find_service()
        print_message("Checking …")
        check = ask_service(app, service)
        if check.status in _TAKEN:
            return choice, check
        print_message(BAD, rejection(app, service, check.status).message)
        if not click.confirm(_CORRECTIONS.get(check.status, "Enter the secret again?"), default=True, err=True):
            return (choice, check) if click.confirm("Save it anyway?", err=True) else None
        choice = _correct(choice, check.status)


def _correct(choice: Settings, status: AppStatus) -> Settings:
    """Ask again for what the service does not take."""
    without_secret = replace(choice, client_secret=None)
    match status:
        case AppStatus.UNKNOWN_ID:
            return _ask_secret(_ask_id(without_secret))
        case AppStatus.UNEXPECTED_SECRET:
            return without_secret
        case AppStatus.UNKNOWN_REDIRECT:
            return _ask(choice, "redirect_uri", "Redirect address")
        case _:
            return _ask_secret(without_secret)


def _ask(choice: Settings, name: str, question: str, *, is_hidden: bool = False) -> Settings:
    """Ask for one setting until it can be right."""
    while True:
        value: Any = _prompt(question, "" if is_hidden else getattr(choice, name), is_hidden=is_hidden)
        if is_hidden:
            value = {"": choice.client_secret, "none": None if choice.client_secret else "none"}.get(value, value)
        changed = replace(choice, **{name: value})
        try:
            _app(changed)
            changed.find_service()
        except (AppInvalid, ValueError) as error:
            print_message(BAD, error.message if isinstance(error, AppInvalid) else str(error))
        else:
            return changed


def _ask_id(choice: Settings) -> Settings:
    changed = _ask(choice, "client_id", "Client ID")
    return choice if changed.client_id == choice.client_id else replace(changed, client_secret=None)


def _ask_secret(choice: Settings) -> Settings:
    rule = "empty: public app" if choice.client_secret is None else "empty: keep it; none: public app"
    return _ask(choice, "client_secret", f"Client Secret (not shown; {rule})", is_hidden=True)


def _prompt(question: str, default: str = "", *, is_hidden: bool = False) -> str:
    """Ask for a line, and return it without surrounding spaces; an empty line means the default."""
    shown = f"{question} [{escape(default)}]" if default else question
    return click.prompt(shown, default, hide_input=is_hidden, show_default=False, value_proc=str.strip, err=True)


def _may_replace(path: str, present: dict[str, object], choice: Settings) -> bool:
    replaced = _changed_settings(present, choice)
    if not replaced:
        return True
    print_message(f"{path} has another {replaced}.")
    return click.confirm("Replace it?", err=True)


# ---------------------------------------------------------------- the file
def change_settings(path: str, values: Mapping[str, str | None]) -> None:
    """Set settings, or remove those that are None; the file is replaced as a whole, and this user alone can read it."""
    try:
        target = Path(resolve(path))
        text = target.read_text("utf-8-sig") if target.exists() else ""
        make_folder(str(target.parent))
        try:
            replace_file(str(target), Hidden(with_settings(text, values).encode()))
        finally:
            with suppress(OSError):
                target.with_name(f"{target.name}.new").unlink()  # what an interruption leaves
    except OSError as error:
        raise TraktAuthError(
            f"The configuration file {path} cannot be written: {error.strerror or error}",
            hint="Make it and its folder writable, or use another file: TRAKTAUTH_CONFIG",
        ) from None


def with_settings(text: str, values: Mapping[str, str | None]) -> str:
    """Return the text of a configuration file with settings changed; comments and other settings stay."""
    document = cast("MutableMapping[str, Any]", tomlkit.parse(text))
    for name, chosen in values.items():
        if chosen is None:
            document.pop(name, None)
        elif document.get(name) != chosen:
            document[name] = chosen
    return tomlkit.dumps(document)


# ---------------------------------------------------------------- done
def _say_done(options: CommonOptions, path: str, choice: Settings, check: AppCheck) -> None:
    overriding = [
        name
        for setting, chosen in _to_save(choice).items()
        if os.environ.get(name := f"TRAKTAUTH_{setting.upper()}", chosen or "") != (chosen or "")
    ]
    if options.json:
        print_json(
            {
                "path": path,
                "client_id": choice.client_id,
                "public": choice.client_secret is None,
                "redirect_uri": choice.redirect_uri,
                "service": choice.service,
                "check": check.status.value,
                "overriding": overriding,
            }
        )
        return
    if check.status is AppStatus.ACCEPTED:
        print_message(GOOD, f"The service knows this {describe_known(choice.client_secret)}")
    elif check.status is AppStatus.UNCLEAR:
        print_message(WARNING, f"The app was not checked: {check.detail}")
        print_message(NEXT, Hint("Check it later: ", DOCTOR_COMMAND))
    print_message(GOOD, "Saved for you alone in")
    print_message(path, indent=2)
    for name in overriding:
        print_message(WARNING, f"{name} is set in the environment and overrides the file: unset {name}")
    print_message("Now: traktauth login")
