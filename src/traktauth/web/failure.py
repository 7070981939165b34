"""Why a web sign-in failed, as a word for programs and as two sentences for the user."""

from __future__ import annotations

from typing import Literal, get_args

from traktauth.errors import AppRejected, LoginRefused, TraktAuthError, TryLater, UnexpectedReply
from traktauth.protocol import ACCOUNT_LIMITS, ONE_COMMUNITY_APP

Cause = Literal["no-cookie", "expired", "forged", "other-state", "denied", "issuer", "code", "app", "busy"]
"""What ended a web sign-in; `LoginFailed` says what each means."""

CAUSES: tuple[Cause, ...] = get_args(Cause)

_OWN_MESSAGES: dict[Cause, str] = {
    "no-cookie": "This browser did not begin the sign-in, or has finished it already: its cookie is missing",
    "expired": "The sign-in took too long",
    "forged": "The sign-in's cookie was changed, or another server with another secret set it",
    "other-state": "The answer from Trakt belongs to another sign-in",
    "denied": "The sign-in was denied on Trakt's page",
    "code": "Trakt's answer holds no code",
}
NO_RESPONSE = "no-response"
"""The `error` of a callback that was opened without any response from Trakt; its cause is `other-state`."""

RETRY_AFTER = 30.0  # seconds, if an error names no time
_UNANSWERED: frozenset[Cause] = frozenset({"expired", "code"})  # what a user sees who cannot connect another app
_AGAIN = "Start the sign-in again"
_UNANSWERED_HINT = f"{_AGAIN}. {ONE_COMMUNITY_APP}"
_TRY_LATER = frozenset({"server_error", "temporarily_unavailable"})  # RFC 6749 section 4.1.2.1


class LoginFailed(LoginRefused):
    """A web sign-in ended without a login.

    | cause | meaning |
    |---|---|
    | `no-cookie` | cookies are off, or it began in another browser, on another host or scheme, or is finished already |
    | `expired` | it took longer than `max_age`, or the servers' clocks differ by as much |
    | `forged` | the cookie was changed, or the servers of the application have different secrets |
    | `other-state` | the answer belongs to another sign-in |
    | `denied` | the user denied it, or Trakt refuses the account: it is locked, at a limit, or without VIP |
    | `issuer` | another server than Trakt answered |
    | `code` | the code is missing, wrong, used or expired |
    | `app` | Trakt refused the app's id, secret or redirect address |
    | `busy` | Trakt or the store is unavailable at the moment |

    Attributes:
        cause: one of the words above.
        next: where the user wanted to go, to start the sign-in again; `/` if that is not known.
        cookie_name: the cookie to delete, or None: without a cookie, or if the same callback may be tried again.
        retry_after: if the cause is `busy`: seconds to wait before the next try, for `Retry-After`; else None.
    """

    def __init__(
        self,
        message: str,
        *,
        cause: Cause,
        error: str | None = None,
        hint: str | None = None,
        next: str = "/",
        cookie_name: str | None = None,
        retry_after: float = RETRY_AFTER,
    ) -> None:
        if hint is None:
            hint = _UNANSWERED_HINT if cause in _UNANSWERED else _AGAIN
        super().__init__(message, error=error or cause, code=f"sign-in-{cause}", hint=hint)
        self.cause: Cause = cause
        self.next = next
        self.cookie_name = cookie_name
        self.retry_after = retry_after if cause == "busy" else None

    @property
    def status(self) -> int:
        """Return the HTTP status of the error page."""
        return 503 if self.cause == "busy" else 400


def own_failure(cause: Cause, *, next_path: str = "/", cookie_name: str | None = None) -> LoginFailed:
    """Return the failure of a sign-in that ended before anything was sent."""
    return LoginFailed(_OWN_MESSAGES[cause], cause=cause, next=next_path, cookie_name=cookie_name)


def failure_of(error: TraktAuthError, *, next_path: str, cookie_name: str | None) -> LoginFailed:
    """Return the failure that an error of the library is to the user."""
    cause = _cause_of(error)
    return LoginFailed(
        error.message,
        cause=cause,
        error=error.code if cause == "denied" else getattr(error, "error", None),
        hint=None if cause in _UNANSWERED else error.hint,
        next=next_path,
        cookie_name=cookie_name,
        retry_after=error.retry_after if isinstance(error, TryLater) else RETRY_AFTER,
    )


def _cause_of(error: TraktAuthError) -> Cause:
    if isinstance(error, AppRejected):
        return "app"
    if isinstance(error, UnexpectedReply) and error.status in ACCOUNT_LIMITS:
        return "denied"
    if not isinstance(error, LoginRefused):
        return "busy"
    if error.error == "iss":
        return "issuer"
    return "code"


def page_failure(error: LoginRefused, *, next_path: str, cookie_name: str) -> LoginFailed:
    """Return the failure that Trakt's page told in the address (RFC 6749 section 4.1.2.1)."""
    cause: Cause = "app"
    if error.error == "access_denied":
        cause = "denied"
    elif error.error in _TRY_LATER:
        cause = "busy"
    return LoginFailed(error.message, cause=cause, error=error.error, next=next_path, cookie_name=cookie_name)
