"""What a request is refused with. Who writes the answer decides how it looks on the wire."""

from __future__ import annotations


class Refusal(Exception):
    """A request is refused for a reason that OAuth has a word for.

    Attributes:
        status: the HTTP status, where the engine's rule names one.
        error: OAuth's error code.
        description: a sentence for developers; never holds what the client sent as a secret.
        state: a member of that name in the answer, empty where there is none.
    """

    def __init__(self, status: int, error: str, description: str, *, state: str = "") -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.description = description
        self.state = state


class Invalid(Exception):
    """A request does not have the form that its endpoint reads.

    Attributes:
        message: what is wrong, naming the parameter.
        status: the HTTP status, 400 unless said otherwise.
        code: the engine's word for it.
    """

    def __init__(self, message: str, *, status: int = 400, code: str = "VALIDATION_ERROR") -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code


class Unwritten(Exception):
    """A request is refused by a status alone, with an empty body, as Trakt's polling endpoint does."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


OUTCOMES = (Refusal, Invalid, Unwritten)
"""What a piece of work may raise and still have what it wrote before kept."""
