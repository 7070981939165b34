"""Check the configuration file and the environment variables."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from traktauth.cli.doctor.findings import Finding, error_finding, good, warning
from traktauth.cli.doctor.permissions import others_can_read, others_can_write, quote_path
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
