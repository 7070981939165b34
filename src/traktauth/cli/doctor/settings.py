"""Check the configuration file and the environment variables, and who else may read or write a file."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

from traktauth.cli.common_options import CommonOptions
from traktauth.cli.doctor.findings import Finding, error_finding, good, warning
from traktauth.client.config_path import config_path, default_config_path
from traktauth.client.settings import Settings, read_file
from traktauth.hints import DOCTOR_COMMAND, Hint
from traktauth.private_files import OTHERS_WRITE, is_own, user_name

_OTHERS_READ = stat.S_IRGRP | stat.S_IROTH


def check_settings(options: CommonOptions) -> tuple[list[Finding], Settings | None]:
    """Read the settings; None where they cannot be read."""
    try:
        settings = options.settings()
    except ValueError as error:
        return [error_finding("settings", error, Hint("Fix it, then: ", DOCTOR_COMMAND))], None
    names = {name for name in os.environ if name.startswith("TRAKTAUTH_")} - {"TRAKTAUTH_CONFIG"}
    variables = ", ".join(sorted(names))
    path, default = config_path(os.environ), default_config_path()
    if path is not None:
        override = f"; {variables} of the environment go before it" if variables else ""
        return [good("settings", f"from {path}{override}"), *check_permissions(path)], settings
    absent = f"; the configuration file {default} does not exist" if default else ""
    return [good("settings", f"from {variables or 'the defaults'}{absent}")], settings


def check_permissions(path: str) -> list[Finding]:
    """Look at who else can read or change the configuration file, which may hold the app's secret."""
    findings: list[Finding] = []
    chmod = f"chmod 600 {shlex.quote(path)}"
    if others_can_write(path):
        findings.append(warning("settings", f"Others can change {path}", chmod))
    elif others_can_read(path) and "client_secret" in read_file(path):
        findings.append(warning("settings", f"Others can read {path}, and it contains the app's secret", chmod))
    status = _status(path)
    if status is not None and not is_own(status, or_roots=True):
        what = f"{path} belongs to another user ({user_name(status.st_uid)}), who can change it"
        findings.append(warning("settings", what, f"chown {os.getuid()} {shlex.quote(path)}"))
    return findings


def others_can_read(path: str) -> bool:
    """Return whether another user may read a file."""
    status = _status(path)
    return status is not None and bool(status.st_mode & _OTHERS_READ)


def others_can_write(path: str, *, sticky: bool = False) -> bool:
    """Return whether another user may write a file, or put another file in the place of one in a folder.

    Args:
        path: of a file or folder.
        sticky: count a folder with the sticky bit, such as /tmp. A user cannot replace another user's file
            there, but can create one first.
    """
    status = _status(path)
    if status is None:
        return False
    is_safe = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX and not sticky
    return bool(status.st_mode & OTHERS_WRITE) and not is_safe


def _status(path: str) -> os.stat_result | None:
    """Return a file's status; None if it does not exist, or if its mode means nothing (Windows has access lists)."""
    try:
        return None if os.name == "nt" else Path(path).stat()
    except OSError:
        return None
