"""The doctor's look at the configuration file and the environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from traktauth.cli.doctor.findings import Finding, doubtful, good, wrong
from traktauth.cli.doctor.permissions import others_can_read, quoted
from traktauth.client.settings import config_path

if TYPE_CHECKING:
    from traktauth.cli.place import Place
    from traktauth.client.settings import Settings


def check_settings(place: Place) -> tuple[list[Finding], Settings | None]:
    """Read the settings; None where they cannot be read."""
    try:
        settings = place.settings()
    except ValueError as error:
        return [wrong("settings", error, "Mend it, then: traktauth doctor")], None
    path = config_path(os.environ)
    if path is None:
        return [good("settings", "from the environment; there is no configuration file")], settings
    findings = [good("settings", f"from {path} and the environment, which wins")]
    if settings.client_secret and others_can_read(path):
        findings.append(doubtful("settings", f"Others can read {path}", f"chmod 600 {quoted(path)}"))
    return findings, settings
