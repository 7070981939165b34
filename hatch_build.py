"""Complete the metadata when a distribution is built: the README as a package index shows it, and the project's URLs.

`TRAKTAUTH_HOME` is the address of the repository, such as `https://git.example/owner/traktauth`. With it, relative
links and pictures of the README become absolute, to the files of the release's tag, and the project URLs are set.
Without it a relative link becomes its text and a relative picture is left out, so that no link leads nowhere.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

PICTURE_OR_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|mailto:|#)([^)\s]+)\)")


def readme_for_index(text: str, home: str, version: str) -> str:
    """Return the README with absolute links, or without relative ones if *home* is empty."""

    def absolute(found: re.Match[str]) -> str:
        picture, label, path = found.groups()
        if not home:
            return "" if picture else label
        return f"{picture}[{label}]({home}/{'raw' if picture else 'blob'}/v{version}/{path})"

    return PICTURE_OR_LINK.sub(absolute, text)


def urls(home: str, version: str) -> dict[str, str]:
    """Return the project URLs, none if *home* is empty."""
    if not home:
        return {}
    tree = f"{home}/blob/v{version}"
    return {
        "Homepage": home,
        "Documentation": f"{home}/tree/v{version}/docs",
        "Changelog": f"{tree}/CHANGELOG.md",
        "Issues": f"{home}/issues",
        "Security": f"{tree}/SECURITY.md",
    }


class Hook(MetadataHookInterface):
    """Sets `readme` and `urls`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the dynamic fields of *metadata*."""
        home = os.environ.get("TRAKTAUTH_HOME", "").rstrip("/")
        if home and not re.match(r"https?://[^/\s]+/", home):
            raise ValueError(
                f"TRAKTAUTH_HOME must be the repository's address, such as https://HOST/OWNER/NAME; got {home!r}"
            )
        text = readme_for_index(Path(self.root, "README.md").read_text("utf-8"), home, metadata["version"])
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
        metadata["urls"] = urls(home, metadata["version"])
