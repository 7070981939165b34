"""Small pages for a browser: whole HTML documents without scripts or anything from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from html import escape as escape_html
from importlib.resources import files
from typing import Literal

from traktauth.display import escape

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # the address of a callback holds a code
    "X-Content-Type-Options": "nosniff",
}
_SIGNS = {"good": "✓", "bad": "✗"}


@cache
def style() -> str:
    """Return the stylesheet that all pages share."""
    return files("traktauth").joinpath("page.css").read_text(encoding="utf-8")


def html_page(
    title: str,
    texts: Sequence[str],
    *,
    outcome: Literal["good", "bad", ""] = "",
    links: Mapping[str, str] | None = None,
    form: str = "",
) -> str:
    """Return a document; all texts are escaped.

    Args:
        title: the title and the heading.
        texts: the paragraphs.
        outcome: the sign above the heading: of success, of failure, or none.
        links: the buttons' labels, by address.
        form: the label of a button that posts to the page's own address.
    """
    sign = f'<p class="outcome {outcome}" aria-hidden="true">{_SIGNS[outcome]}</p>' if outcome else ""
    paragraphs = "".join(f"<p>{_to_html(text)}</p>" for text in texts)
    kinds = ["main", *["second"] * len(links or ())]
    buttons = "".join(
        f'<a class="button {kind}" href="{_to_html(link)}">{_to_html(label)}</a>'
        for kind, (link, label) in zip(kinds, (links or {}).items(), strict=False)
    )
    if form:
        buttons += f'<form method="post"><button class="main">{_to_html(form)}</button></form>'
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_to_html(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style()}</style>'
        f'<main class="card">{sign}<h1>{_to_html(title)}</h1>{paragraphs}{buttons}</main>'
        "<footer>traktauth</footer></html>"
    )


def _to_html(text: str) -> str:
    return escape_html(escape(text))
