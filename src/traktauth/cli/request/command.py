"""`traktauth request`: a call of Trakt's API, as `gh api` makes one of GitHub's."""

from __future__ import annotations

import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import click

from traktauth.cli.exit_codes import DONE, FAILED, LATER, LOGIN
from traktauth.cli.help.click_classes import Command
from traktauth.cli.option_decorators import common_options
from traktauth.cli.output import ERROR, NEXT, is_on_terminal, print_message, print_message_json
from traktauth.cli.request.arguments import Call, read_body, read_fields, read_headers
from traktauth.cli.request.display import filter_json, show_body, show_head
from traktauth.cli.request.pages import read_all_pages
from traktauth.hints import LOGIN_COMMAND, Hint
from traktauth.protocol import ACCOUNT_LIMITS, APPS_ARE_DELETED
from traktauth.wire.error_responses import parse_retry_after
from traktauth.wire.messages import Response

if TYPE_CHECKING:
    from traktauth.cli.common_options import CommonOptions
    from traktauth.client.http import HttpResponse

BUSY = 429
MOST_PAGES = 100
_HINTS = {
    401: Hint("Sign in again: ", LOGIN_COMMAND),
    403: f"The API does not know the client id: compare TRAKTAUTH_CLIENT_ID with the app's page. {APPS_ARE_DELETED}",
    404: "Look the path up in Trakt's API documentation",
    **ACCOUNT_LIMITS,
}


@click.command(
    "request",
    cls=Command,
    examples=[
        ("traktauth request /users/settings", ""),
        ("traktauth request /sync/history -f limit=100 --paginate \\\n  -q '.[].movie.title'", ""),
        ("traktauth request POST /sync/history --body @movies.json", ""),
    ],
)
@common_options()
@click.argument("method_or_path", metavar="[METHOD]", required=False)
@click.argument("path", required=False)
@click.option("--body", metavar="JSON|@FILE|-", help="JSON to send: text, @FILE, or - for stdin.")
@click.option(
    "-f",
    "--field",
    "fields",
    multiple=True,
    metavar="NAME=VALUE",
    help="A query parameter (GET, DELETE) or a text member of the body.",
)
@click.option(
    "-F",
    "--typed-field",
    "typed_fields",
    multiple=True,
    metavar="NAME=VALUE",
    help="The same; true, false, null and numbers are sent as such, and @FILE is read.",
)
@click.option("-H", "--header", "headers", multiple=True, metavar="NAME:VALUE", help="One more header field.")
@click.option("-i", "--include", is_flag=True, help="Print the status and the header fields of the response, too.")
@click.option("--paginate", is_flag=True, help="Get all pages of a list and print them as one.")
@click.option(
    "--max-pages",
    type=click.IntRange(min=1),
    default=MOST_PAGES,
    show_default=True,
    metavar="N",
    help="Stop --paginate after N pages.",
)
@click.option(
    "-q", "--jq", "expression", metavar="EXPRESSION", help="Print what a jq expression selects (needs traktauth[jq])."
)
@click.option("--silent", is_flag=True, help="Do not print the body.")
def command(  # noqa: PLR0917 - click passes every option
    options: CommonOptions,
    method_or_path: str | None,
    path: str | None,
    body: str | None,
    fields: tuple[str, ...],
    typed_fields: tuple[str, ...],
    headers: tuple[str, ...],
    include: bool,  # noqa: FBT001 - the same
    paginate: bool,  # noqa: FBT001 - the same
    max_pages: int,
    expression: str | None,
    silent: bool,  # noqa: FBT001 - the same
) -> int:
    """Call Trakt's API as the account, and print the body of the response.

    The default METHOD is GET, or POST with --body. In a pipe or file the body is printed unchanged, on a
    terminal indented and in colour. Exit status: 0 for 2xx, 4 for 401, 5 for 429 and 5xx, else 1.
    """
    call = Call.read(
        method_or_path,
        path,
        fields=read_fields(fields, typed_fields),
        body=None if body is None else read_body(body),
        headers=read_headers(headers),
    )
    if "://" in call.path.partition("?")[0]:
        call = call.at(options.settings().find_service().api)
    if paginate and call.method != "GET":
        raise click.UsageError("--paginate is for GET")
    more_pages = 0
    with options.trakt() as trakt:
        if paginate:
            pages = read_all_pages(trakt, call, most=max_pages)
            response, content, more_pages = pages.last, pages.content, pages.unread
        else:
            response = call.send(trakt)
            content = response.content
    if include:
        show_head(response)
    status = status_for(response.status_code)
    if not silent:
        if expression is not None and status == DONE:
            filter_json(content, expression)
        else:
            show_body(content)
    if status != DONE:
        _report_status(options, response, after_body=not silent)
    elif more_pages:
        _report_unread_pages(options, max_pages, more_pages)
        return FAILED
    return status


def status_for(status: int) -> int:
    """Return the exit status for an HTTP status."""
    if 200 <= status < 300:  # noqa: PLR2004 - success, as HTTP has it
        return DONE
    if status == HTTPStatus.UNAUTHORIZED:
        return LOGIN
    return LATER if status == BUSY or status >= 500 else FAILED  # noqa: PLR2004 - the server's fault, as HTTP has it


def phrase(status: int) -> str:
    """Return the standard's phrase for a status; the sender may write anything there."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _report_status(options: CommonOptions, response: HttpResponse, *, after_body: bool) -> None:
    status, content = response.status_code, response.content
    if after_body and content and not content.endswith(b"\n") and not options.json and not is_on_terminal(sys.stdout):
        print_message("")  # what reads the pipe may show the body on the same terminal
    message = f"Trakt answered {status} {phrase(status)}".rstrip()
    hint = options.with_flags(_HINTS.get(status, ""))
    if status_for(status) == LATER:
        asked = parse_retry_after(Response(status, response.headers, b""))
        hint = f"Repeat it in {30.0 if asked is None else asked:.0f} s"
    _report(options, message, hint, error="HttpStatus", status=status)


def _report_unread_pages(options: CommonOptions, read: int, unread: int) -> None:
    message = f"Stopped after {read} pages; {unread} more were not read"
    _report(options, message, f"Read them too: --max-pages {read + unread}", error="MorePages", pages=read + unread)


def _report(options: CommonOptions, message: str, hint: str, **members: Any) -> None:  # noqa: ANN401 - whatever JSON takes
    if options.json:
        print_message_json({"error": members.pop("error"), "message": message, "hint": hint, **members})
        return
    print_message(ERROR, message)
    if hint:
        print_message(NEXT, hint)
