"""Pages that a failed sign-in or call shows: whole HTML documents without scripts or anything from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from traktauth.errors import ACCOUNT_CODES, AppRejected, StoreFailed, TraktAuthError, TryLater
from traktauth.html_page import HEADERS, html_page
from traktauth.protocol import ACCOUNT_LIMITS, APPS_ARE_DELETED, CONNECTED_PAGE, ONE_COMMUNITY_APP
from traktauth.web.failure import NO_RESPONSE, RETRY_AFTER, Cause, LoginFailed
from traktauth.web.paths import LoginPaths

# What happened and what helps, for the user; the error's own message is for the log.
_TEXTS: dict[Cause, tuple[str, str]] = {
    "no-cookie": (
        "This browser did not begin this sign-in, or it is finished already.",
        "If you are not signed in now, sign in again in this browser, at {origin}, with cookies allowed.",
    ),
    "expired": ("The sign-in took too long.", f"Sign in again. {ONE_COMMUNITY_APP}"),
    "forged": (
        "The sign-in's cookie does not belong to this application.",
        "Sign in again. If that does not help, the application's servers do not share one secret.",
    ),
    "other-state": ("The answer from Trakt belongs to another sign-in.", "Sign in again."),
    "denied": ("The sign-in was denied on Trakt's page.", "Sign in again and allow the access."),
    "issuer": ("Another server than Trakt answered.", "The answer was not used. Sign in again from this application."),
    "code": (
        "Trakt did not accept the answer: it was used before, or has expired.",
        f"Sign in again. {ONE_COMMUNITY_APP}",
    ),
    "app": (
        "Trakt does not accept this application.",
        f"Only its operator can change that: its id, secret or redirect address is wrong. {APPS_ARE_DELETED}",
    ),
    "busy": ("Trakt or this application is unavailable at the moment.", "Sign in again in {seconds} seconds."),
}
_NO_RESPONSE = (
    "This address finishes a sign-in, and was opened without a response from Trakt.",
    "Begin the sign-in here.",
)
_ACCOUNT_TEXTS = {ACCOUNT_CODES[status]: text for status, text in ACCOUNT_LIMITS.items()}  # by `error`
_REPEATABLE = "Nothing is lost: reload this page in {seconds} seconds to try again."


@dataclass(frozen=True, slots=True)
class RouteResponse:
    """A whole response.

    Attributes:
        status: the HTTP status.
        headers: the header fields, with `Content-Type`.
        body: the body.
        cookies: those to set: name, value and attributes, as `set_cookie` of Starlette, Flask and Django takes them.
    """

    status: int
    headers: dict[str, str] = field(repr=False)
    body: str = field(default="", repr=False)
    cookies: tuple[tuple[str, str, dict[str, Any]], ...] = field(default=(), repr=False)


def failure_page(failed: LoginFailed, paths: LoginPaths, *, signed_in_at: str | None = None) -> RouteResponse:
    """Return the page of a sign-in that failed: the cause, the fix, and a link that starts again.

    A user who is signed in all the same, from an earlier sign-in, can continue at the path `signed_in_at`.
    """
    # On the redirect address's host, so that the cookie is set where the callback will look for it.
    again = paths.origin + paths.login_for(failed.next)
    texts = _texts_of(failed, paths.origin)
    title, links = "Not signed in", {again: "Sign in again"}
    if signed_in_at is not None:
        title, links = "The sign-in failed", {paths.origin + signed_in_at: "Continue"} | links
        texts.append("You are still signed in, as before.")
    seconds = None if failed.retry_after is None else _whole_seconds(failed.retry_after)
    return _page(failed.status, title, texts, links, retry_after=seconds)


def failure_text(failed: LoginFailed) -> str:
    """Return cause and fix in two sentences, for the page of a library that checks the state itself.

    Such a library has used up the state, so the callback cannot be repeated.
    """
    return " ".join(_texts_of(failed, "", is_repeatable=False))


def _texts_of(failed: LoginFailed, origin: str, *, is_repeatable: bool = True) -> list[str]:
    cause, fix = _NO_RESPONSE if failed.error == NO_RESPONSE else _TEXTS[failed.cause]
    if failed.error in _ACCOUNT_TEXTS:
        return ["Trakt refuses this account.", f"{_ACCOUNT_TEXTS[failed.error]}."]
    if failed.cause == "busy" and failed.cookie_name is None and is_repeatable:
        fix = _REPEATABLE
    return [cause, fix.format(origin=origin, seconds=_whole_seconds(failed.retry_after or RETRY_AFTER))]


def confirmation_page() -> RouteResponse:
    """Return the page that asks a user whom another site's page has sent to the sign-in; its form is sent back there.

    Trakt may approve without a word, so the other site would sign the user in.
    """
    page = _page(
        200, "Sign in with Trakt", ["Another site led you here. Do you want to sign in?"], outcome="", form="Sign in"
    )
    page.headers["Referrer-Policy"] = "same-origin"  # or the form's `Origin` is null
    return page


def sign_in_page(paths: LoginPaths) -> RouteResponse:
    """Return the page (401) for a form that a user sent who is not signed in, or whose login has ended."""
    texts = ["You are not signed in with Trakt, so what you sent was not completed.", "Sign in, then send it again."]
    return _page(401, "Sign in first", texts, {paths.origin + paths.login: "Sign in with Trakt"}, outcome="")


def unavailable_page(error: Exception, *, is_form: bool = False) -> RouteResponse:
    """Return the page (503) for a call that Trakt or the store could not serve; a part of a form may be done."""
    seconds = retry_seconds(error)
    fix = f"Try again in {seconds} seconds." if is_form else f"Nothing is lost: reload this page in {seconds} seconds."
    return _page(503, "Try again later", [unavailable_text(error), fix], retry_after=seconds)


def retry_seconds(error: Exception) -> int:
    """Return the seconds after which a call may be repeated, for `Retry-After`."""
    return _whole_seconds(error.retry_after if isinstance(error, TryLater) else RETRY_AFTER)


def not_revoked_page(error: TraktAuthError) -> RouteResponse:
    """Return the page for a user who is signed out of the session, but whose login could not be revoked.

    After AppRejected a repetition is of no use: 502, else 503.
    """
    is_definite = isinstance(error, AppRejected)
    cause = "Trakt does not accept this application." if is_definite else unavailable_text(error)
    texts = [
        "You are signed out of this application.",
        f"{cause} So the application's access to your Trakt account was not revoked.",
    ]
    if is_definite:
        texts.append(f"Remove the application from the connected apps of your Trakt account: {CONNECTED_PAGE}")
        return _page(502, "Signed out, not revoked", texts)
    seconds = retry_seconds(error)
    texts.append(f"To revoke it, reload this page in {seconds} seconds, and let the browser send the form again.")
    return _page(503, "Signed out, not revoked", texts, retry_after=seconds)


def partly_revoked_page(paths: LoginPaths, after: str) -> RouteResponse:
    """Return the page for a user who is signed out, but whose refresh token may still be valid at Trakt."""
    texts = [
        "You are signed out, and the application cannot use your Trakt account any more.",
        "Trakt did not confirm that all of the application's access was revoked.",
        f"To be sure, remove the application from the connected apps of your Trakt account: {CONNECTED_PAGE}",
    ]
    return _page(200, "Signed out", texts, {paths.origin + after: "Continue"}, outcome="good")


def unavailable_text(error: Exception) -> str:
    """Return in a sentence what is unavailable, for users: the error itself may name a database and its host."""
    who = "This application's storage" if isinstance(error, StoreFailed) else "Trakt"
    return f"{who} is unavailable at the moment."


def _whole_seconds(seconds: float) -> int:
    return max(1, round(seconds))


def refused_page(what: str) -> RouteResponse:
    """Return the page (403) for a form that another site sent."""
    return _page(403, "Refused", [what])


def method_page(allowed: str) -> RouteResponse:
    """Return the page (405) for a method that a route does not serve."""
    page = _page(405, "Method not allowed", [f"This address takes {allowed} only."])
    page.headers["Allow"] = allowed
    return page


def _page(
    status: int,
    title: str,
    texts: list[str],
    links: dict[str, str] | None = None,
    *,
    outcome: Literal["good", "bad", ""] = "bad",
    form: str = "",
    retry_after: int | None = None,
) -> RouteResponse:
    """Return a page; the links are addresses with their labels, and the form posts to the page's own address."""
    html = html_page(title, texts, outcome=outcome, links=links, form=form)
    again = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return RouteResponse(status, HEADERS | again, html)
