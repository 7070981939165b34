"""Render a page: templates, and the header fields that every page carries."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from traktauth.server.http.answers import Answer
from traktauth.server.redirects import origin_of

if TYPE_CHECKING:
    from jinja2 import Template

HTML = "text/html; charset=utf-8"


@cache
def style() -> bytes:
    """Give the one stylesheet."""
    return files("traktauth.server.pages").joinpath("style.css").read_bytes()


@cache
def style_address() -> str:
    """Give the stylesheet's address, which changes with it."""
    return f"/style.css?{sha256(style()).hexdigest()[:12]}"


@cache
def template(name: str) -> Template:
    """Give a page's template."""
    return _environment().get_template(f"{name}.html")


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("traktauth.server.pages"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(name: str, context: dict[str, object], *, status: int = 200, leads_to: str = "") -> Answer:
    """Render a page.

    Args:
        name: the template's.
        context: what it shows.
        status: the HTTP status.
        leads_to: the address outside that submitting its form may end at, as browsers hold redirects to the policy.
    """
    html = template(name).render(style_address=style_address(), **context)
    return Answer(status, html.encode(), {"content-type": HTML, **policy(leads_to)})


def policy(leads_to: str = "") -> dict[str, str]:
    """Give the header fields that keep a page to itself (RFC 9700 sections 4.2 and 4.16)."""
    actions = f"'self' {origin_of(leads_to)}".strip()
    return {
        "content-security-policy": (
            f"default-src 'none'; style-src 'self'; img-src 'self' data:; form-action {actions}; "
            "base-uri 'none'; frame-ancestors 'none'"
        ),
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }
