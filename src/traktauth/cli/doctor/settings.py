"""Check the configuration file and the environment variables, and who else may read or write a file."""

from __future__ import annotations

import os
import shlex
import stat
from typing import TYPE_CHECKING

from traktauth.cli.doctor.findings import Finding, error_finding, good, warning
from traktauth.client.config_path import config_path, default_config_path
from traktauth.client.settings import read_file
from traktauth.hints import DOCTOR_COMMAND, Hint

if TYPE_CHECKING:
    from traktauth.cli.common_options import CommonOptions
    from traktauth.client.settings import Settings


def check_settings(options: CommonOptions) -> tuple[list[Finding], Settings | None]:
    """Read the settings; None where they cannot be read."""
    try:
        settings = options.settings()
    except ValueError as error:
        return [error_finding("settings", error, Hint("Fix it, then: ", DOCTOR_COMMAND))], None
    path = config_path(os.environ)
    if path is None:
        default = default_config_path()
        where = f"; the configuration file {default} does not exist" if default else ""
        return [good("settings", f"from {_variables() or 'the defaults'}{where}")], settings
    variables = _variables()
    override = f"; {variables} of the environment go before it" if variables else ""
    findings = [good("settings", f"from {path}{override}")]
    return findings + check_permissions(path), settings


def _variables() -> str:
    """Return the names of the settings that the environment has."""
    names = {name for name in os.environ if name.startswith("TRAKTAUTH_")}
    return ", ".join(sorted(names - {"TRAKTAUTH_CONFIG"}))


def check_permissions(path: str) -> list[Finding]:
    """Look at who else can read or change the configuration file, which may hold the app's secret."""
    findings: list[Finding] = []
    if others_can_write(path):
        findings.append(warning("settings", f"Others can change {path}", f"chmod 600 {quote_path(path)}"))
    elif others_can_read(path) and "client_secret" in read_file(path):
        findings.append(
            warning(
                "settings", f"Others can read {path}, and it contains the app's secret", f"chmod 600 {quote_path(path)}"
            )
        )
    owner = _other_owner(path)
    if owner is not None:
        what = f"{path} belongs to another user ({owner}), who can change it"
        findings.append(warning("settings", what, f"chown {os.getuid()} {quote_path(path)}"))
    return findings


def _other_owner(path: str) -> str | None:
    """Return who owns a file, if that is neither this user nor root."""
    if os.name == "nt":  # pragma: no cover - Windows has no such owner
        return None
    try:
        owner = os.stat(path).st_uid  # noqa: PTH116 - a path as text, as stores have it
    except OSError:
        return None
    return None if owner in {os.getuid(), 0} else f"user id {owner}"


def others_can_read(path: str) -> bool:
    """Return whether another user may read a file."""
    return bool(_mode(path) & (stat.S_IRGRP | stat.S_IROTH))


def others_can_write(path: str, *, sticky: bool = False) -> bool:
    """Return whether another user may write a file, or put another file in the place of one in a folder.

    Args:
        path: of a file or folder.
        sticky: count a folder with the sticky bit, such as /tmp. A user cannot replace another user's file
            there, but can create one first.
    """
    mode = _mode(path)
    safe = stat.S_ISDIR(mode) and mode & stat.S_ISVTX and not sticky
    return bool(mode & (stat.S_IWGRP | stat.S_IWOTH)) and not safe


def quote_path(path: str) -> str:
    """Return a path as a shell takes it."""
    return shlex.quote(path)


def _mode(path: str) -> int:
    """Return the mode; 0 if the file does not exist, or if permission bits have no meaning (Windows)."""
    if os.name == "nt":  # pragma: no cover - Windows has access lists, which stat does not show
        return 0
    try:
        return os.stat(path).st_mode  # noqa: PTH116 - a path as text, as stores have it
    except OSError:
        return 0
