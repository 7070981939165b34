"""Render a page: templates, and the header fields that every page carries."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketClose

from traktauth.server.oauth.redirect_uri import origin_of

if TYPE_CHECKING:
    from jinja2 import Environment, Template

ASSETS = {
    "page.css": "text/css",
    "style.css": "text/css",
    "live.css": "text/css",
    "copy.js": "text/javascript",
    "live.js": "text/javascript",
}
"""Stylesheets and scripts, with their media types; every page works without its script."""
SCRIPT_OF = {"app": "copy.js", "code": "copy.js", "home": "copy.js", "live": "live.js"}
"""The script of each page that has one; the others may run none at all."""
TEXT = "Check the address, or begin at the home page."
START = ("/", "Home page")


@cache
def asset(name: str) -> bytes:
    """Return a stylesheet or a script."""
    package = "traktauth" if name == "page.css" else "traktauth.server.pages"
    return files(package).joinpath(name).read_bytes()


@cache
def asset_address(name: str) -> str:
    """Return the address of a stylesheet or a script, which changes with it."""
    return f"/{name}?{sha256(asset(name)).hexdigest()[:12]}"


@cache
def template(name: str) -> Template:
    """Return a page's template."""
    return _environment().get_template(f"{name}.html")


@cache
def _environment() -> Environment:
    # A tenth of the time of a start, and the sandbox and most tests show no page.
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape  # noqa: PLC0415 - see above

    return Environment(
        loader=PackageLoader("traktauth.server.pages"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(name: str, context: Mapping[str, object], *, status: int = 200, leads_to: str = "") -> Response:
    """Render a page.

    Args:
        name: the template's.
        context: what it shows.
        status: the HTTP status.
        leads_to: the address outside that submitting its form may end at, as browsers hold redirects to the policy.
    """
    has_script = name in SCRIPT_OF
    addresses = {
        "style_addresses": [
            asset_address(sheet) for sheet in ("page.css", "style.css", *["live.css"] * (name == "live"))
        ],
        "script_address": asset_address(SCRIPT_OF[name]) if has_script else "",
    }
    html = template(name).render(**addresses, **context)
    return HTMLResponse(html, status, security_headers(leads_to, has_script=has_script))


def static_message(title: str, text: str, status: int, *, onward: tuple[str, str] | None = None) -> Response:
    """Return a page that only says something, to a browser whose request was not read."""
    shown = {"title": title, "text": text, "kind": "trouble", "user": None, "csrf": "", "onward": onward}
    return page("message", shown, status=status)


def security_headers(leads_to: str = "", *, has_script: bool = False) -> dict[str, str]:
    """Return the security headers of a page (RFC 9700 sections 4.2 and 4.16)."""
    actions = f"'self' {origin_of(leads_to)}".strip()
    scripts = "script-src 'self'; connect-src 'self'; " if has_script else ""
    return {
        "content-security-policy": (
            f"default-src 'none'; {scripts}style-src 'self'; img-src 'self' data:; form-action {actions}; "
            "base-uri 'none'; frame-ancestors 'none'"
        ),
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }


async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 404: with a page to a browser, with two words to any other client."""
    if scope["type"] != "http":
        await WebSocketClose()(scope, receive, send)
        return
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept")
    if b"text/html" in accepted and scope["method"] in ("GET", "HEAD"):
        response = static_message("Page not found", TEXT, 404, onward=START)
    else:
        response = PlainTextResponse("Not Found", 404, security_headers())
    await response(scope, receive, send)
