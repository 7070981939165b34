"""Errors that a request is answered with; the engine's wire format decides how they are written."""

from __future__ import annotations


class OAuthError(Exception):
    """A request fails with one of OAuth's errors.

    Attributes:
        status: the HTTP status by the engine's rules.
        error: OAuth's error code.
        description: a sentence for developers, without secrets that the client sent.
        state: a member of that name in the response, or empty.
    """

    def __init__(self, status: int, error: str, description: str, *, state: str = "") -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.description = description
        self.state = state


class ValidationError(Exception):
    """A request does not have the form that its endpoint reads.

    Attributes:
        message: what is wrong, with the parameter's name.
        status: the HTTP status.
        code: the engine's code for it.
    """

    def __init__(self, message: str, *, status: int = 400, code: str = "VALIDATION_ERROR") -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code


class BareStatusError(Exception):
    """A request fails with a status and an empty body, as Trakt documents for polling a device code."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


PROTOCOL_ERRORS = (OAuthError, ValidationError, BareStatusError)
"""Errors that are results: what was written before one of them is committed."""


class StorageUnavailable(Exception):
    """The database cannot be read or written at the moment.

    Attributes:
        hint: what to do about it, empty if naming another database is all that helps.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
