"""Addresses of an application: where a user goes next, and where the sign-in's routes are."""

from __future__ import annotations

from urllib.parse import quote, urlencode, urlsplit

from traktauth.client.api_address import is_on_this_machine
from traktauth.errors import AppInvalid

_LONGEST_NEXT = 500  # characters: a browser keeps several sign-ins in cookies, and sends them with every request
CALLBACK = "/callback"
LOGIN = "/login"
# What may stand in a path and query besides letters and digits (RFC 3986); the rest is percent-encoded.
_ADDRESS_CHARACTERS = "/?&=#%:;@!$'()*+,~[]-._"


def local_path(address: object) -> str:
    """Return an address if it is a path on this host, else `/`: no user is sent to another host after a sign-in.

    Such a path begins with one `/`, and has no backslash or control character.
    """
    if not isinstance(address, str) or not address.startswith("/") or address.startswith("//"):
        return "/"
    if "\\" in address or len(address) > _LONGEST_NEXT or any(_is_control(character) for character in address):
        return "/"
    try:
        encoded = quote(address, safe=_ADDRESS_CHARACTERS)
    except UnicodeEncodeError:  # a lone surrogate
        return "/"
    return encoded if len(encoded) <= _LONGEST_NEXT else "/"


def _is_control(character: str) -> bool:
    return character < " " or "\x7f" <= character <= "\x9f" or character in "\u2028\u2029"


def check_redirect_address(redirect_uri: str) -> None:
    """Check that Trakt accepts a redirect address of a web application.

    Raises:
        AppInvalid: it is not an http(s) address, or has plain http and leads to another machine.
    """
    scheme = urlsplit(redirect_uri).scheme
    if scheme not in {"http", "https"}:
        raise AppInvalid(
            "The app has no redirect address that a web application can answer at",
            hint="Register https://YOUR-HOST/trakt/callback for the app and give it as App(…, redirect_uri=…)",
        )
    if scheme == "http" and not is_on_this_machine(redirect_uri):
        raise AppInvalid(
            f"The redirect address {redirect_uri} has plain http, which Trakt accepts only on loopback",
            hint="Register the https address that browsers use, and give it as App(…, redirect_uri=…)",
        )


class LoginPaths:
    """The paths of the sign-in's routes, as browsers see them: beside the app's redirect address.

    Args:
        redirect_uri: the app's redirect address; its path ends in `/callback`.

    Raises:
        ValueError: it does not, or Trakt does not accept it.
    """

    def __init__(self, redirect_uri: str) -> None:
        parts = urlsplit(redirect_uri)
        path = parts.path
        if parts.scheme not in {"http", "https"} or not path.endswith(CALLBACK):
            raise ValueError(
                f"The app's redirect address must be where the callback route is, such as "
                f"https://example.com/trakt/callback, not {redirect_uri!r}"
            )
        check_redirect_address(redirect_uri)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.login = path.removesuffix(CALLBACK) + LOGIN
        self.callback = path
        self.logout = path.removesuffix(CALLBACK) + "/logout"

    def check_route(self, callback: str) -> None:
        """Check that the callback route is where the app's redirect address leads.

        A server or proxy in front may put a prefix before the route's path.

        Raises:
            AppInvalid: it is not.
        """
        if not self.callback.endswith(callback):
            raise AppInvalid(
                f"The app's redirect address leads to {self.callback}, but the callback route is at {callback}",
                hint=f"Register {self.origin}{callback} for the app, or put the routes where the address leads",
            )

    def login_for(self, path: str) -> str:
        """Return the path that starts a sign-in and leads to another path at the end."""
        following = local_path(path)
        return self.login if following == "/" else f"{self.login}?{urlencode({'next': following})}"
