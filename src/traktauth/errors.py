"""Every error, named by what the caller does next.

```
TraktAuthError
├── LoginRequired      ask the user to sign in again
├── LoginRefused       tell the user why the sign-in ended
├── AppRejected        fix the app's id, secret or redirect address
│   └── AppInvalid     … which could be seen before anything was sent (a ValueError too)
├── TryLater           wait `retry_after` seconds, then repeat the call
├── StoreFailed        look at the disk, keyring or database
└── UnexpectedReply    Trakt answered outside its contract: report it
```

The message states the fact, the hint names the command or setting that mends it. Neither ever holds a token, a
secret, a code or a reply's body.
"""

from __future__ import annotations

from typing import Any


class TraktAuthError(Exception):
    """The base of every error that this package raises on purpose.

    Attributes:
        message: the fact, one sentence.
        hint: what mends it, or an empty string.
        unconfirmed: a refresh was sent and nobody knows whether it arrived; it is not sent again while the old token
            lives.
    """

    default_hint = ""
    unconfirmed = False

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = self.default_hint if hint is None else hint

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.__dict__)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r})"


def _rebuild(kind: type[TraktAuthError], state: dict[str, Any]) -> TraktAuthError:
    """Make an unpickled or copied error, whatever its constructor takes."""
    error = kind.__new__(kind, state["message"])
    error.args = (state["message"],)
    error.__dict__.update(state)
    return error


class LoginRequired(TraktAuthError):
    """The user has to sign in again.

    Attributes:
        reason: a word for programs: `never`, `signed-out`, `revoked`, `expired`, `reply-lost` or `moved`.
    """

    default_hint = "Sign in: traktauth login"

    def __init__(self, message: str, *, reason: str = "never", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class LoginRefused(TraktAuthError):
    """A sign-in ended without a token.

    Attributes:
        error: OAuth's error code where Trakt sent one (`access_denied`, `expired_token`, …), else a word of ours.
    """

    default_hint = "Start again: traktauth login"

    def __init__(self, message: str, *, error: str = "refused", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.error = error


class AppRejected(TraktAuthError):
    """The app's id, secret or redirect address is wrong.

    Attributes:
        error: OAuth's error code where Trakt sent one (`invalid_client`, …), else a word of ours.
    """

    default_hint = (
        "Compare TRAKTAUTH_CLIENT_ID, TRAKTAUTH_CLIENT_SECRET and TRAKTAUTH_REDIRECT_URI with the app's settings"
    )

    def __init__(self, message: str, *, error: str = "invalid_client", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.error = error


class AppInvalid(AppRejected, ValueError):
    """The app's id, secret or redirect address cannot be right; nothing was sent."""


class TryLater(TraktAuthError):
    """Trakt is busy or cannot be reached; nothing is lost.

    Attributes:
        retry_after: seconds to wait before the call is repeated.
        status: the reply's HTTP status, or None where no reply came.
    """

    def __init__(
        self, message: str, *, retry_after: float = 30.0, status: int | None = None, hint: str | None = None
    ) -> None:
        if hint is None:
            hint = f"Repeat it in {retry_after:.0f} s"
        super().__init__(message, hint=hint)
        self.retry_after = retry_after
        self.status = status


class StoreFailed(TraktAuthError):
    """Tokens could not be read or written; what was stored is untouched.

    Attributes:
        kept: a new pair could not be saved; it is held in memory, served from there, and saved at the next chance.
        of_one: it is about the record of one login, which cannot be read; the store's others are not touched by it.
    """

    default_hint = "See what is wrong with the store: traktauth doctor"
    kept = False
    of_one = False


class UnexpectedReply(TraktAuthError):
    """Trakt answered outside its contract.

    Attributes:
        status: the reply's HTTP status.
    """

    default_hint = "Report it, with this message, to the authors of traktauth"

    def __init__(self, message: str, *, status: int | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status
