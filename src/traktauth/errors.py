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

`code` is a stable word for each kind of failure. The message states the fact for a user; the hint is for the developer
of the program, and the command line has hints of its own. None of them holds a token, a secret, a code or a response's
body.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from traktauth.display import escape
from traktauth.hints import Hint
from traktauth.protocol import APPS_ARE_DELETED, APPS_PAGE, ONE_COMMUNITY_APP

LoginRequiredReason = Literal["never", "signed-out", "revoked", "expired", "reply-lost", "moved"]

_SIGN_IN = "Let the user sign in: ensure_login() or login()"
_COMPARE = f"Compare client_id, client_secret and redirect_uri with the app's page at {APPS_PAGE}"
_LATER = "Nothing has to be done; call again after retry_after seconds"
HINTS: dict[str, str] = {
    "login-never": _SIGN_IN,
    "login-signed-out": _SIGN_IN,
    "login-expired": _SIGN_IN,
    "login-moved": "Open the store that has the login: store=",
    "login-revoked": f"{_SIGN_IN}. {ONE_COMMUNITY_APP}",
    "login-reply-lost": f"{_SIGN_IN}. refresh(force=True) sends the refresh token once more, at your risk",
    "login-exists": "Sign out first with logout(), or pass replace=True",
    "login-busy": _LATER,
    "sign-in-denied": "Offer the sign-in again: login()",
    "sign-in-failed": "Offer the sign-in again: login()",
    "sign-in-expired": f"Offer the sign-in again: login(). {ONE_COMMUNITY_APP}",
    "app-invalid": _COMPARE,
    "app-rejected": f"{_COMPARE}. {APPS_ARE_DELETED}",
    "certificate-untrusted": "Set SSL_CERT_FILE to a file with the certificate authority, or pass a client that trusts "
    "it as http=",
    "refresh-unconfirmed": f"{_LATER}. refresh(force=True) sends the refresh token once more, at your risk",
    "unexpected-response": "Report it, with this message, to the authors of traktauth",
}
"""The hint for a developer, by an error's code."""


class TraktAuthError(Exception):
    """The base of every error that this package raises on purpose.

    A traceback shows the hint too, as a note (`add_note`); `str(error)` is the message alone.

    Attributes:
        message: the fact, one sentence that a user can be shown.
        hint_command: the hint in commands of `traktauth` (a `Hint`), for the command line; empty if `hint` names none.
        unconfirmed: a refresh was sent and it is unknown whether it arrived; it is not sent again while the old token
            is valid.
    """

    default_code = "failed"
    hint_command = ""
    unconfirmed = False
    _code: str | None = None
    _hint: str | None = None
    _hint_note = ""

    def __init__(
        self, message: str, *, code: str | None = None, hint: str | None = None, hint_command: str = ""
    ) -> None:
        message = escape(message)  # it may name what a server or a store said, and end on a terminal
        super().__init__(message)
        self.message = message
        self._code = code
        self._hint = None if hint is None else _escape_hint(hint)
        if hint_command:
            self.hint_command = _escape_hint(hint_command)
        self._note_hint()

    @property
    def code(self) -> str:
        """Return a stable word for what failed, such as `login-revoked`; `docs/errors.md` lists them."""
        return self._code or self.default_code

    @property
    def hint(self) -> str:
        """Return what a developer can do, or an empty string."""
        return HINTS.get(self.code, self._default_hint()) if self._hint is None else self._hint

    @hint.setter
    def hint(self, hint: str) -> None:
        self._hint = hint
        self.hint_command = ""
        self._note_hint()

    def hint_from(self, hints: Mapping[str, str]) -> str:
        """Return the hint for the command line: that of this error, else the one that `hints` has for its code."""
        return self.hint_command or (hints.get(self.code, self.hint) if self._hint is None else self._hint)

    def _default_hint(self) -> str:
        """Return the hint for a code without an entry."""
        return HINTS.get(self.code, "")

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


def _escape_hint(hint: str) -> str:
    return hint.with_text(escape) if isinstance(hint, Hint) else escape(hint)


def _rebuild(kind: type[TraktAuthError], state: dict[str, Any]) -> TraktAuthError:
    """Make an unpickled or copied error, whatever its constructor takes."""
    error = kind.__new__(kind, state["message"])
    error.args = (state["message"],)
    error.__dict__.update(state)
    if "__notes__" in state:
        error.__notes__ = list(state["__notes__"])  # a copy has a list of its own
    return error


class LoginRequired(TraktAuthError):
    """The user has to sign in again.

    Attributes:
        reason: a word for programs: `never`, `signed-out`, `revoked`, `expired`, `reply-lost` or `moved`.
        account: whose login it is; None if it is about none.
    """

    account: str | None = None

    def __init__(self, message: str, *, reason: LoginRequiredReason = "never", hint: str | None = None) -> None:
        super().__init__(message, code=f"login-{reason}", hint=hint)
        self.reason: LoginRequiredReason = reason


_SIGN_IN_CODES = {"access_denied": "sign-in-denied", "expired_token": "sign-in-expired", "timeout": "sign-in-expired"}


class LoginRefused(TraktAuthError):
    """A sign-in ended without a token.

    Attributes:
        error: OAuth's error code if Trakt sent one (`access_denied`, `expired_token`, …), else a word of ours.
    """

    def __init__(
        self, message: str, *, error: str = "refused", code: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, code=code or _SIGN_IN_CODES.get(error, "sign-in-failed"), hint=hint)
        self.error = error


class LoginExists(TraktAuthError):
    """The account has a login that is still valid or can be refreshed; nothing was changed."""

    default_code = "login-exists"


class AppRejected(TraktAuthError):
    """The app's id, secret or redirect address is wrong.

    Attributes:
        error: OAuth's error code if Trakt sent one (`invalid_client`, …), else a word of ours.
    """

    default_code = "app-rejected"

    def __init__(self, message: str, *, error: str = "invalid_client", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.error = error


class AppInvalid(AppRejected, ValueError):
    """The app's id, secret or redirect address cannot be right; nothing was sent."""

    default_code = "app-invalid"


class TryLater(TraktAuthError):
    """Trakt is busy or cannot be reached; nothing is lost.

    Attributes:
        retry_after: seconds to wait before the call is repeated.
        status: the response's HTTP status, or None if no response came.
    """

    default_code = "try-later"

    def __init__(
        self,
        message: str,
        *,
        retry_after: float = 30.0,
        status: int | None = None,
        code: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.retry_after = retry_after
        self.status = status
        super().__init__(message, code=code, hint=hint)

    def _default_hint(self) -> str:
        return HINTS.get(self.code) or f"Repeat it in {self.retry_after:.0f} s"


class StoreFailed(TraktAuthError):
    """Tokens could not be read or written; what was stored is untouched.

    Attributes:
        kept: a new token could not be saved; it is held in memory, served from there, and saved at the next chance.
        of_one: it is about the record of one login, which cannot be read; the store's others are not touched by it.
        temporary: the store is away, busy or read-only at the moment, so the same call may succeed later; a wrong
            password or address is not temporary.
    """

    kept = False
    of_one = False
    temporary = False

    @property
    def code(self) -> str:
        """Return `login-unreadable`, `store-unreachable` or `store-failed`; a subclass may have its own."""
        if self._code is not None:
            return self._code
        if self.of_one:
            return "login-unreadable"
        return "store-unreachable" if self.temporary else "store-failed"

    def _default_hint(self) -> str:
        if self.temporary:
            return "Try again; if it fails again, check the disk, keyring or database of the store"
        return "Check the disk, keyring or database of the store"


ACCOUNT_CODES: dict[int | None, str] = {420: "account-limit", 423: "account-locked", 426: "vip-only"}
"""The code of an UnexpectedReply, by its status; `unexpected-response` for the others."""


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
        super().__init__(message, code="login-moved", hint=hint)
        self.store = store
        self.generation = generation
        self.is_finished = is_finished


class UnexpectedReply(TraktAuthError):
    """Trakt answered outside its contract.

    Attributes:
        status: the response's HTTP status.
    """

    def __init__(self, message: str, *, status: int | None = None, hint: str | None = None) -> None:
        super().__init__(message, code=ACCOUNT_CODES.get(status, "unexpected-response"), hint=hint)
        self.status = status
