"""The check that every adapter makes: the login is of the right class."""

from __future__ import annotations

from typing import TypeVar

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
