"""Why a program may not have worked in a sandbox, and what to do."""

from __future__ import annotations

from collections.abc import Sequence

from traktauth.display import shorten
from traktauth.interception.environment import is_trakt
from traktauth.sandbox.sandbox import Sandbox

MOST_NAMED, LONGEST_NAME = 5, 80
NOT_FOUND = 404


def advise(sandbox: Sandbox, program: str) -> list[str]:
    """Return what a program was refused and how to change that, in sentences."""
    found: list[str] = []
    if sandbox.distrusted:
        found.append(
            f"{program} did not accept the sandbox's certificate of {_join(sorted(sandbox.distrusted))}: set the file "
            "in SSL_CERT_FILE in its own configuration; a program that pins certificates cannot run here"
        )
    elif not (sandbox.reached or sandbox.refused):
        found.append(
            f"{program} never reached Trakt. If it should have, it ignores HTTPS_PROXY, as Node before 22.21 and "
            "aiohttp without trust_env=True do, and its requests went to the real hosts unless --isolate was set: set "
            "the proxy in its own configuration"
        )
    if sandbox.unknown_apps:
        apps = _join(sandbox.unknown_apps)
        found.append(f"The local Trakt does not know the app {apps}: use TRAKT_CLIENT_ID, or add it with --seed FILE")
    missing = [one for one in sandbox.exchanges if one.status == NOT_FOUND and one.route == "other"]
    if missing:
        paths = _join(sorted({f"{one.method} {one.path}" for one in missing}))
        found.append(f"The local Trakt does not have {paths}: give it a response with --responses FILE")
    absent = sorted(host for host in sandbox.refused if is_trakt(host))
    if absent:
        found.append(
            f"The sandbox does not have {_join(absent)} at the port that was asked for: it has trakt.tv, www., api., "
            "auth. and app.trakt.tv at 80 and 443"
        )
    others = sorted(sandbox.refused.items(), key=lambda item: -item[1])
    refused = [f"{host} ({count})" for host, count in others if not is_trakt(host)]
    if refused:
        found.append(f"Refused hosts: {_join(refused)}; allow one with --allow HOST")
    return found


def _join(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(shorten(name, LONGEST_NAME) for name in names[:MOST_NAMED]) + more
