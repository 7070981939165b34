"""The JSON body of a control call and its members: read and checked."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from traktauth.server.messages import JSON, ParseError, as_object, parse_json

if TYPE_CHECKING:
    from traktauth.server.messages import HttpRequest

LARGEST_NUMBER = sys.float_info.max


class ControlError(ValueError):
    """A control call cannot be done; the message says why.

    Attributes:
        status: the HTTP status.
    """

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def read_json_body(request: HttpRequest) -> Any:  # noqa: ANN401 - JSON
    """Return a call's JSON body; an empty object without one.

    Raises:
        ControlError: it is not JSON.
    """
    if not request.body:
        return {}
    if request.media_type != JSON:
        raise ControlError("the body must be application/json", status=415)
    try:
        return parse_json(request.body)
    except ParseError as error:
        raise ControlError("the body is not valid JSON") from error


def require_text(members: Any, name: str) -> str:  # noqa: ANN401 - JSON
    """Return a required text of a call.

    Raises:
        ControlError: it is missing or something else.
    """
    found = (as_object(members) or {}).get(name)
    if not isinstance(found, str) or not found:
        raise ControlError(f'"{name}" is needed, a text')
    return found


def require_number(members: Any, name: str) -> float:  # noqa: ANN401 - JSON
    """Return a required number of a call.

    Raises:
        ControlError: it is missing, endless or something else.
    """
    found = (as_object(members) or {}).get(name)
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not abs(found) <= LARGEST_NUMBER:
        raise ControlError(f'"{name}" is needed, a number')
    return float(found)
