"""`traktauth request`."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from traktauth.cli.exits import DONE, FAILED, LATER, LOGIN
from traktauth.cli.place import Place, placed
from traktauth.cli.stream import emit_bytes, paint, say

if TYPE_CHECKING:
    from traktauth.client.http import HttpResponse

UNAUTHORIZED = 401
BUSY = 429
_HINTS = {
    401: "Sign in again: traktauth login",
    403: "Compare TRAKTAUTH_CLIENT_ID with the app's settings",
    404: "Look the path up in Trakt's API documentation",
    420: "The account is at its limit; Trakt VIP raises it",
    423: "The account is locked; the user has to turn to Trakt's support",
    426: "This needs Trakt VIP",
}


@click.command("request")
@placed
@click.argument("method")
@click.argument("path")
@click.option("--body", metavar="JSON|@FILE|-", help="What to send: JSON, a file that holds it, or - for stdin.")
def command(place: Place, method: str, path: str, body: str | None) -> int:
    """Call Trakt's API as the account; the answer's body goes to stdout as it came.

    \b
    Example: traktauth request GET /users/settings
    """
    if not re.fullmatch(r"[A-Za-z]+", method):
        raise click.UsageError("METHOD must be an HTTP method, such as GET")
    document = None if body is None else read_body(body)
    with place.trakt() as trakt:
        response = trakt.request(method.upper(), path, json=document)
        content = response.content
    emit_bytes(content)
    status = status_for(response.status_code)
    if status != DONE:
        _say_what_went_wrong(place, response)
    return status


def read_body(body: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return the JSON that was given, in the argument, in a file or on stdin.

    Raises:
        UsageError: it cannot be read, or is no JSON.
    """
    try:
        text = sys.stdin.read() if body == "-" else Path(body[1:]).read_text("utf-8") if body[:1] == "@" else body
    except OSError as error:
        raise click.UsageError(f"--body {body}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise click.UsageError("--body is no UTF-8") from None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise click.UsageError("--body is no JSON") from None


def status_for(status: int) -> int:
    """Return the exit status for an HTTP status."""
    if 200 <= status < 300:  # noqa: PLR2004 - success, as HTTP has it
        return DONE
    if status == UNAUTHORIZED:
        return LOGIN
    return LATER if status == BUSY or status >= 500 else FAILED  # noqa: PLR2004 - the server's fault, as HTTP has it


def _say_what_went_wrong(place: Place, response: HttpResponse) -> None:
    status = response.status_code
    message = f"Trakt answered {status} {response.reason_phrase}".rstrip()
    hint = place.aim(_HINTS.get(status, ""))
    if status_for(status) == LATER:
        wait = response.headers.get("retry-after") or response.headers.get("x-retry-after") or "30"
        hint = f"Repeat it in {wait} s"
    if place.json:
        say(json.dumps({"error": "HttpStatus", "message": message, "hint": hint, "status": status}))
        return
    say(f"{paint('Error:', 'red')} {message}")
    if hint:
        say(f"{paint('→', 'cyan')} {hint}")
