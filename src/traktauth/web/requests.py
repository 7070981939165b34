"""What the sign-in reads of a request, whatever framework received it: where it comes from, and who waits for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

NOT_SIGNED_IN = "No user is signed in with Trakt"


@dataclass(frozen=True, slots=True)
class WebRequest:
    """A request to the application, as browsers see it.

    Attributes:
        method: the HTTP method.
        path: the path, with the query and with a prefix that a proxy puts before it.
        header: returns a header field, or None.
        origin: the origin that the request was sent to.
        root: the path of the application's root.
        cookies: the `Cookie` header field.
        next: the parameter `next` of the query, or None.
    """

    method: str
    path: str = field(repr=False)
    header: Callable[[str], str | None] = field(repr=False)
    origin: str = ""
    root: str = "/"
    cookies: str = field(default="", repr=False)
    next: str | None = None

    @property
    def wants_page(self) -> bool:
        """Return whether a browser navigates, so that it can be redirected; a program gets a status instead."""
        return self.method in {"GET", "HEAD"} and self.is_navigation

    @property
    def is_navigation(self) -> bool:
        """Return whether a browser will show the response: it follows a link or sends a form."""
        mode = self.header("Sec-Fetch-Mode")
        if mode is not None:
            return mode == "navigate"
        return "text/html" in (self.header("Accept") or "")

    def is_cross_site_form(self, *origins: str) -> bool:
        """Return whether another site's page sent this form (cross-site request forgery); `origins` are our own."""
        site = self.header("Sec-Fetch-Site")
        if site is not None:
            return site not in {"same-origin", "none"}
        origin = self.header("Origin")
        return origin is not None and origin not in {self.origin, *origins}

    @property
    def is_from_another_site(self) -> bool:
        """Return whether another site's page led the browser to this address; False if the browser does not say so.

        A sibling host (`same-site`) may: an application and its sign-in are often on two of them.
        """
        return self.header("Sec-Fetch-Site") == "cross-site"
