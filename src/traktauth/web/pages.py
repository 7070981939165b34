"""Pages that a failed sign-in or call shows: whole HTML documents without scripts or anything from elsewhere."""

from __future__ import annotations

from html import escape as escape_html
from typing import TYPE_CHECKING

from traktauth.client.login.pages import STYLE
from traktauth.display import escape
from traktauth.errors import StoreFailed, TryLater
from traktauth.protocol import CONNECTED_PAGE
from traktauth.values import field, value

if TYPE_CHECKING:
    from traktauth.web.failure import Cause, LoginFailed
    from traktauth.web.paths import LoginPaths

_BUTTON = (
    "a.button{display:inline-block;margin-top:1.5rem;padding:.6rem 1.4rem;border-radius:.5rem;text-decoration:none;"
    "background:light-dark(#b3123f,#ff8aa8);color:light-dark(#fff,#17171b)}p+p{margin-top:.75rem}"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # the callback's address holds a code
    "X-Content-Type-Options": "nosniff",
}
# What happened and what helps, for the user; the error's own message is for the log.
_TEXTS: dict[Cause, tuple[str, str]] = {
    "no-cookie": (
        "This browser did not begin this sign-in, or it is finished already.",
        "If you are not signed in now, sign in again in this browser, at {origin}, with cookies allowed.",
    ),
    "expired": ("The sign-in took too long.", "Sign in again."),
    "forged": (
        "The sign-in's cookie does not belong to this application.",
        "Sign in again. If that does not help, the application's servers do not share one secret.",
    ),
    "other-state": ("The answer from Trakt belongs to another sign-in.", "Sign in again."),
    "denied": ("The sign-in was denied on Trakt's page.", "Sign in again and allow the access to go on."),
    "issuer": ("Another server than Trakt answered.", "The answer was not used. Sign in again from this application."),
    "code": (
        "Trakt did not accept the answer: it was used before, or has expired.",
        f"Sign in again. If that does not help, look at the connected apps of your Trakt account: {CONNECTED_PAGE}",
    ),
    "app": (
        "Trakt does not accept this application.",
        "Its id, secret or redirect address is wrong, or Trakt has deleted it. Only its operator can change that.",
    ),
    "busy": ("Trakt or this application is unavailable at the moment.", "Try again in a few seconds."),
}
_REPEATABLE = "Nothing is lost: reload this page to try again."


@value
class Page:
    """A whole response.

    Attributes:
        status: the HTTP status.
        html: the body.
        headers: header fields beside `Content-Type: text/html; charset=utf-8`.
    """

    status: int
    html: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)


def failure_page(failed: LoginFailed, paths: LoginPaths) -> Page:
    """Return the page of a sign-in that failed: the cause, the fix, and a link that starts again."""
    what, fix = _TEXTS[failed.cause]
    if failed.cause == "busy" and failed.cookie_name is None:
        fix = _REPEATABLE
    # On the redirect address's host, so that the cookie is set where the callback will look for it.
    link = paths.origin + paths.login_for(failed.next)
    return _page(failed.status, "Not signed in", [what, fix.format(origin=paths.origin)], link, "Sign in again")


def failure_text(failed: LoginFailed) -> str:
    """Return cause and fix in two sentences, for the page of a library that checks the state itself."""
    return " ".join(_TEXTS[failed.cause])


def unavailable_page(error: Exception) -> Page:
    """Return the page (503) for a call that Trakt or the store could not serve at the moment."""
    who = "This application's storage" if isinstance(error, StoreFailed) else "Trakt"
    texts = [f"{who} is unavailable at the moment.", "Nothing is lost: reload this page in a few seconds."]
    page = _page(503, "Try again later", texts)
    page.headers["Retry-After"] = str(max(1, round(error.retry_after))) if isinstance(error, TryLater) else "30"
    return page


def refused_page(what: str) -> Page:
    """Return the page (403) for a form that another site sent."""
    return _page(403, "Refused", [what])


def method_page(allowed: str) -> Page:
    """Return the page (405) for a method that a route does not serve."""
    page = _page(405, "Method not allowed", [f"This address takes {allowed} only."])
    page.headers["Allow"] = allowed
    return page


def _page(status: int, title: str, texts: list[str], link: str = "", label: str = "") -> Page:
    paragraphs = "".join(f"<p>{escape_html(escape(text))}</p>" for text in texts)
    button = f'<a class="button" href="{escape_html(link)}">{label}</a>' if link else ""
    html = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}{_BUTTON}</style>'
        f"<main><h1>{title}</h1>{paragraphs}{button}</main></html>"
    )
    return Page(status, html, dict(_HEADERS))
