"""What adapters share: the check of the login, and the second sending of a request of requests or niquests."""

# ruff: noqa: ANN401 - requests, responses and bodies of two libraries that share no class

from __future__ import annotations

from typing import Any, Final, Literal, TypeVar

from traktauth.client.attempt import UNAUTHORIZED, AsyncAttempt, Attempt

Position = int | Literal["in memory", "read once"]
"""Where a file stood before it was sent, or what else the body is."""

IN_MEMORY: Final = "in memory"
READ_ONCE: Final = "read once"


def position_of(body: Any) -> Position:
    """Return where a body stands before it is sent."""
    if body is None or isinstance(body, (bytes, str)):
        return IN_MEMORY
    try:
        position = body.tell()
    except (AttributeError, OSError, ValueError):
        return READ_ONCE
    return position if isinstance(position, int) else READ_ONCE


def rewind(body: Any, position: Position) -> bool:
    """Put a body back to where it stood; return whether it can be sent again."""
    if not isinstance(position, int):
        return position == IN_MEMORY
    try:
        body.seek(position)
    except (AttributeError, OSError, ValueError):
        return False
    return True


def is_rejection(attempt: Attempt | AsyncAttempt, response: Any) -> bool:
    """Return whether a response rejects the token of an attempt.

    Hooks are called for the responses of redirects too, and a request to another host does not carry the token.
    """
    sent: object = response.request.headers.get("Authorization")
    return bool(response.status_code == UNAUTHORIZED and sent == attempt.headers["Authorization"])


def resend(attempt: Attempt, position: Position, response: Any, **options: Any) -> Any:
    """Send a request once more if the API has rejected its token: a hook for responses."""
    if not is_rejection(attempt, response):
        return response
    sent = response.request
    try:
        following = attempt.retry(response.url)
    except BaseException:
        response.close()  # the caller does not get it
        raise
    if following is None or not rewind(sent.body, position):
        return response
    _ = response.content  # read to its end, so that the connection can be used again
    response.close()
    response.request = sent.copy()
    sent.headers.update(following.headers)  # a redirect is made from this request
    again = response.connection.send(sent, **options)
    again.history.append(response)
    again.request = sent
    if again.status_code == UNAUTHORIZED:
        following.retry(again.url)  # it returns None, and remembers that a refresh did not help
    return again


T = TypeVar("T")


def check_login(adapter: object, login: object, expected: type[T], other: str) -> T:
    """Return the login that an adapter was given.

    Args:
        adapter: the object that is being made.
        login: what it was given.
        expected: the class that it needs.
        other: the adapter for the other class.

    Raises:
        TypeError: the login is of another class; the message names the right one.
    """
    if isinstance(login, expected):
        return login
    name, found = type(adapter).__name__, type(login).__name__
    advice = f"; for AsyncTrakt and Trakt there are two adapters, the other is {other}" if found in _LOGINS else ""
    article = "an" if expected.__name__.startswith("A") else "a"
    raise TypeError(f"{name} needs {article} {expected.__name__}, not {found}{advice}")


_LOGINS = ("AsyncTrakt", "Trakt")
