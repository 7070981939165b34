"""Who may call the control API, and how calls are read and answered.

A web page in the developer's browser must not reach it: on a loopback host every call needs a loopback `Host`, JSON as
its media type and no foreign `Origin` (which rules out forms and, without CORS, scripts); on any other host a key.
"""

from __future__ import annotations

import hmac
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from traktauth.server.endpoints.protocol import unavailable
from traktauth.server.http.answers import JSON, Answer, in_json
from traktauth.server.http.application import Application
from traktauth.server.http.encodings import Malformed, members_of, value_of_json
from traktauth.server.http.heard import Heard, TooLarge, hear
from traktauth.server.settings import is_loopback
from traktauth.server.storage.base import StorageDown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

    from traktauth.server.realm import Realm

    Call = Callable[[Realm, Any], Awaitable[dict[str, Any]]]

LARGEST_BODY = 4 * 1024 * 1024
LARGEST_NUMBER = sys.float_info.max


class BadCall(ValueError):
    """A control call cannot be done; the message says why.

    Attributes:
        status: the HTTP status.
    """

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def control(realm: Realm, calls: Mapping[str, Call]) -> ASGIApp:
    """Make the application behind one control address; *calls* by method."""

    async def answered(scope: Scope, receive: Receive) -> Answer:
        call = calls.get(scope["method"])
        if call is None:
            return in_json(405, {"error": "wrong method"}, {"allow": ", ".join(calls)})
        heard = await hear(scope, receive, largest=LARGEST_BODY)
        admit(realm, heard)
        return in_json(200, await call(realm, said_by(heard)))

    return answering(answered)


def answering(answered: Callable[[Scope, Receive], Awaitable[Answer]]) -> ASGIApp:
    """Make an application of what gives answers: what goes wrong is said in JSON, and nothing is kept by a cache."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await answered(scope, receive)
        except BadCall as error:
            answer = in_json(error.status, {"error": str(error)})
        except TooLarge:
            answer = in_json(413, {"error": "the request is too large"})
        except StorageDown:
            answer = unavailable()
        answer.headers["cache-control"] = "no-store"
        await answer(scope, receive, send)

    return Application(application)


def admit(realm: Realm, heard: Heard) -> None:
    """Let a call in.

    Raises:
        BadCall: it may come from a web page, or from someone without the key.
    """
    if not realm.settings.loopback:
        key = realm.settings.control_key or ""
        if not key or not hmac.compare_digest(heard.bearer.encode("utf-8", "replace"), key.encode()):
            raise BadCall("the control API needs its key as a Bearer token", status=401)
        return
    host = heard.headers.get("host", "")
    if not is_loopback(_name_in(host)):
        raise BadCall("the control API needs a loopback Host", status=403)
    origin = heard.headers.get("origin")
    if origin is not None and origin != f"http://{host}":
        raise BadCall("the control API takes no foreign Origin", status=403)


def _name_in(host: str) -> str:
    """Give the name in a `Host` field, empty where there is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def said_by(heard: Heard) -> Any:  # noqa: ANN401 - JSON
    """Give what a call's body says, an empty object where there is none.

    Raises:
        BadCall: it is not JSON.
    """
    if not heard.body:
        return {}
    if heard.media_type != JSON:
        raise BadCall("the body must be application/json", status=415)
    try:
        return value_of_json(heard.body)
    except Malformed as error:
        raise BadCall("the body is not valid JSON") from error


def text(said: Any, name: str) -> str:  # noqa: ANN401 - JSON
    """Give a text that a call must have.

    Raises:
        BadCall: it is missing or something else.
    """
    found = (members_of(said) or {}).get(name)
    if not isinstance(found, str) or not found:
        raise BadCall(f'"{name}" is needed, a text')
    return found


def number(said: Any, name: str) -> float:  # noqa: ANN401 - JSON
    """Give a number that a call must have.

    Raises:
        BadCall: it is missing, endless or something else.
    """
    found = (members_of(said) or {}).get(name)
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not abs(found) <= LARGEST_NUMBER:
        raise BadCall(f'"{name}" is needed, a number')
    return float(found)
