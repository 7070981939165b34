"""Every error, named by what the caller does next.

```
TraktAuthError
├── LoginRequired      ask the user to sign in again
├── LoginRefused       tell the user why the sign-in ended
├── LoginExists        keep the login that is there, or say that it is to be replaced
├── AppRejected        fix the app's id, secret or redirect address
│   └── AppInvalid     … which could be seen before anything was sent (a ValueError too)
├── TryLater           wait `retry_after` seconds, then repeat the call
├── StoreFailed        look at the disk, keyring or database
└── UnexpectedReply    Trakt answered outside its contract: report it
```

The message states the fact, the hint names the command or setting that fixes it. Neither ever holds a token, a
secret, a code or a response's body.
"""

from __future__ import annotations

from typing import Any

from traktauth.display import escape

_EXPLAINED = "Why: traktauth explain "


class TraktAuthError(Exception):
    """The base of every error that this package raises on purpose.

    A traceback shows the hint too, as a note (`add_note`); `str(error)` is the message alone.

    Attributes:
        message: the fact, one sentence.
        hint: the fix, or an empty string; it ends with the command that explains it, if there is more to say.
        explanation: the id of an entry of `traktauth explain`, or an empty string.
        unconfirmed: a refresh was sent and it is unknown whether it arrived; it is not sent again while the old token
            is valid.
    """

    default_hint = ""
    explanation = ""
    unconfirmed = False
    _hint_note = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        message = escape(message)  # it may name what a server or a store said, and end on a terminal
        super().__init__(message)
        self.message = message
        self.hint = self.default_hint if hint is None else escape(hint)

    @property
    def hint(self) -> str:
        """Return the fix, with the command that explains the error if there is one."""
        if not self.explanation:
            return self._hint
        stop = "" if not self._hint else " " if self._hint.endswith(".") else ". "
        return f"{self._hint}{stop}{_EXPLAINED}{self.explanation}"

    @hint.setter
    def hint(self, hint: str) -> None:
        before, explained, _ = hint.partition(_EXPLAINED)  # it may be this hint, changed
        self._hint = before.rstrip(". ") if explained else hint
        self._note_hint()

    def _note_hint(self) -> None:
        """Make the hint a note of the exception, which a traceback shows; it replaces the one of an earlier hint."""
        notes: list[str] = getattr(self, "__notes__", [])
        if self._hint_note in notes:
            notes.remove(self._hint_note)
        self._hint_note = f"Hint: {self.hint}" if self.hint else ""
        if self._hint_note:
            self.add_note(self._hint_note)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.__dict__)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r})"


def _rebuild(kind: type[TraktAuthError], state: dict[str, Any]) -> TraktAuthError:
    """Make an unpickled or copied error, whatever its constructor takes."""
    error = kind.__new__(kind, state["message"])
    error.args = (state["message"],)
    error.__dict__.update(state)
    if "__notes__" in state:
        error.__notes__ = list(state["__notes__"])  # a copy has a list of its own
    return error


EXPLANATIONS = {
    "revoked": "refresh-token-invalid",
    "reply-lost": "login-lost-with-response",
}
"""Of a LoginRequired, by its reason; `login-required` for the others."""


class LoginRequired(TraktAuthError):
    """The user has to sign in again.

    Attributes:
        reason: a word for programs: `never`, `signed-out`, `revoked`, `expired`, `reply-lost` or `moved`.
    """

    default_hint = "Sign in: traktauth login"

    def __init__(self, message: str, *, reason: str = "never", hint: str | None = None) -> None:
        self.explanation = EXPLANATIONS.get(reason, "login-required")
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


class LoginExists(TraktAuthError):
    """The account has a login that is still valid or can be refreshed; nothing was changed."""

    default_hint = "Sign out first: traktauth logout; or replace it: replace=True"


class AppRejected(TraktAuthError):
    """The app's id, secret or redirect address is wrong.

    Attributes:
        error: OAuth's error code where Trakt sent one (`invalid_client`, …), else a word of ours.
    """

    default_hint = (
        "Compare TRAKTAUTH_CLIENT_ID, TRAKTAUTH_CLIENT_SECRET and TRAKTAUTH_REDIRECT_URI with the app's settings"
    )
    explanation = "app-rejected"

    def __init__(self, message: str, *, error: str = "invalid_client", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.error = error


class AppInvalid(AppRejected, ValueError):
    """The app's id, secret or redirect address cannot be right; nothing was sent."""


class TryLater(TraktAuthError):
    """Trakt is busy or cannot be reached; nothing is lost.

    Attributes:
        retry_after: seconds to wait before the call is repeated.
        status: the response's HTTP status, or None if no response came.
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
        kept: a new token could not be saved; it is held in memory, served from there, and saved at the next chance.
        of_one: it is about the record of one login, which cannot be read; the store's others are not touched by it.
        temporary: the store is away, busy or read-only at the moment, so the same call may succeed later; a wrong
            password or address is not temporary.
    """

    default_hint = "See what is wrong with the store: traktauth doctor"
    kept = False
    of_one = False
    temporary = False


ACCOUNT_EXPLANATIONS: dict[int | None, str] = {420: "account-limit", 423: "account-locked", 426: "vip-only"}
"""Of an UnexpectedReply, by its status; `unexpected-response` for the others."""


class LoginMoved(StoreFailed):
    """The login was moved to another store, which this program cannot open; no user has to sign in again.

    A program goes on with the other store by itself if it can open it, and nothing is raised then.

    Attributes:
        store: the address of the other store.
        generation: of the login when it was moved; the other store has this one or a later one.
        is_finished: whether the move came to its end; if not, running it again finishes it.
    """

    def __init__(
        self, message: str, *, store: str = "", generation: int = 0, is_finished: bool = True, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.store = store
        self.generation = generation
        self.is_finished = is_finished


class UnexpectedReply(TraktAuthError):
    """Trakt answered outside its contract.

    Attributes:
        status: the response's HTTP status.
    """

    default_hint = "Report it, with this message, to the authors of traktauth"

    def __init__(self, message: str, *, status: int | None = None, hint: str | None = None) -> None:
        self.explanation = ACCOUNT_EXPLANATIONS.get(status, "unexpected-response")
        super().__init__(message, hint=hint)
        self.status = status
