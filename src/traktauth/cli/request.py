"""`traktauth request`: a call of Trakt's API, as `gh api` makes one of GitHub's."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import urlencode

import click

from traktauth.cli.click_classes import Command
from traktauth.cli.common_options import CommonOptions
from traktauth.cli.exit_codes import DONE, FAILED, LATER, LOGIN, phrase, print_error
from traktauth.cli.options import common_options
from traktauth.cli.output import (
    is_on_terminal,
    print_bytes,
    print_data,
    print_message,
    print_text,
    uses_colour,
)
from traktauth.client.sync_client import Trakt
from traktauth.display import escape, shorten
from traktauth.errors import TraktAuthError, UnexpectedReply
from traktauth.hints import LOGIN_COMMAND, Hint
from traktauth.protocol import ACCOUNT_LIMITS, APPS_ARE_DELETED
from traktauth.wire.error_responses import parse_retry_after
from traktauth.wire.messages import Response

if TYPE_CHECKING:
    from traktauth.client.http import HttpResponse

MAX_PAGES = 100
_HINTS = {
    401: Hint("Sign in again: ", LOGIN_COMMAND),
    403: f"The API does not know the client id: compare TRAKTAUTH_CLIENT_ID with the app's page. {APPS_ARE_DELETED}",
    404: "Look the path up in Trakt's API documentation",
    **ACCOUNT_LIMITS,
}


@click.command("request", cls=Command)
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
    default=MAX_PAGES,
    show_default=True,
    metavar="N",
    help="Stop --paginate after N pages.",
)
@click.option(
    "-q", "--jq", "expression", metavar="EXPRESSION", help="Print what a jq expression selects (needs traktauth[jq])."
)
@click.option("--silent", is_flag=True, help="Do not print the body.")
def command(
    options: CommonOptions,
    *,
    method_or_path: str | None,
    path: str | None,
    body: str | None,
    fields: tuple[str, ...],
    typed_fields: tuple[str, ...],
    headers: tuple[str, ...],
    include: bool,
    paginate: bool,
    max_pages: int,
    expression: str | None,
    silent: bool,
) -> int:
    """Call Trakt's API as the account, and print the body of the response.

    The default METHOD is GET, or POST with --body. In a pipe or file the body is printed unchanged, on a
    terminal indented and in colour. Exit status: 0 for 2xx, 4 for 401, 5 for 429 and 5xx, else 1.

    Examples:
        traktauth request /users/settings
        traktauth request /sync/history -f limit=100 --paginate \\
          -q '.[].movie.title'
        traktauth request POST /sync/history --body @movies.json
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
    with options.trakt() as trakt:
        pages = read_all_pages(trakt, call, most=max_pages) if paginate else Pages.one(call.send(trakt))
    response = pages.last
    if include:
        show_head(response)
    status = status_for(response.status_code)
    if not silent and expression is not None and status == DONE:
        filter_json(pages.content, expression)
    elif not silent:
        show_body(pages.content)
    if status != DONE:
        _report_status(options, response, after_body=not silent)
    elif pages.unread:
        message = f"Stopped after {max_pages} pages; {pages.unread} more were not read"
        more = max_pages + pages.unread
        print_error("MorePages", message, f"Read them too: --max-pages {more}", as_json=options.json, pages=more)
        return FAILED
    return status


def status_for(status: int) -> int:
    """Return the exit status for an HTTP status."""
    by_class = {2: DONE, 5: LATER}.get(status // 100, FAILED)
    return {401: LOGIN, 429: LATER}.get(status, by_class)


def _report_status(options: CommonOptions, response: HttpResponse, *, after_body: bool) -> None:
    status, content = response.status_code, response.content
    if after_body and content and not content.endswith(b"\n") and not options.json and not is_on_terminal(sys.stdout):
        print_message("")  # what reads the pipe may show the body on the same terminal
    message = f"Trakt answered {status} {phrase(status)}".rstrip()
    hint = options.with_flags(_HINTS.get(status, ""))
    if status_for(status) == LATER:
        asked = parse_retry_after(Response(status, response.headers, b""))
        hint = f"Repeat it in {30.0 if asked is None else asked:.0f} s"
    print_error("HttpStatus", message, hint, as_json=options.json, status=status)


_JSON_VALUE = re.compile(
    r'(?P<name>"(?:[^"\\]|\\.)*"(?=:))|(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>-?[0-9][0-9.eE+-]*)|(?P<word>[a-zA-Z]+)'
)
_COLOURS = {"name": "blue", "text": "green", "number": "cyan", "word": "magenta"}
_MAX_PRETTY = 2 * 1024 * 1024  # bytes; more is printed as it came


def show_head(response: HttpResponse) -> None:
    """Print the status line and the header fields, with an empty line after them."""
    print_data(f"{response.http_version} {response.status_code} {phrase(response.status_code)}".rstrip())
    for name, value in response.headers.multi_items():
        print_data(f"{name}: {value}")
    print_data("")


def show_body(content: bytes) -> None:
    """Print a body: indented and in colour on a terminal, if it is JSON; unchanged into a pipe or file."""
    pretty = _indent(content) if is_on_terminal(sys.stdout) else None
    if pretty is None:
        ends_line = content.endswith(b"\n") or not content or not is_on_terminal(sys.stdout)
        print_bytes(content if ends_line else content + b"\n")
    elif uses_colour(sys.stdout):
        coloured = _JSON_VALUE.sub(lambda found: click.style(found[0], fg=_COLOURS[str(found.lastgroup)]), pretty)
        print_text(f"{coloured}\n")
    else:
        print_text(f"{pretty}\n")


def filter_json(content: bytes, expression: str) -> None:
    """Print what a jq expression selects, a line each; texts without quotes, as `jq -r` does."""
    try:
        jq: Any = import_module("jq")  # an extra, and without types
    except ModuleNotFoundError:
        raise TraktAuthError("-q needs jq, which is not installed", hint="pip install 'traktauth[jq]'") from None
    try:
        selected: list[Any] = list(jq.compile(expression).input_text(content.decode("utf-8", "replace")))
    except ValueError as error:
        raise click.UsageError(f"-q {escape(expression)}: {escape(str(error).splitlines()[0])}") from None
    terminal = sys.stdout.isatty()
    for each in selected:
        text = each if isinstance(each, str) else json.dumps(each, ensure_ascii=False)
        print_text((escape(text, keep="\n\t") if terminal else text) + "\n")


def _indent(content: bytes) -> str | None:
    """Return JSON with an indentation, safe for a terminal; None if it is not JSON, or too large to be read anyway."""
    if len(content) > _MAX_PRETTY:
        return None
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return escape(json.dumps(document, indent=2, ensure_ascii=False), keep="\n")


_MAX_BYTES = 256 * 1024 * 1024


class Pages(NamedTuple):
    """What was read.

    Attributes:
        last: the last response; the first that is not a 200, if there is one.
        content: all items as one JSON array; the body of `last` if that is not a 200 or not a list in pages.
        unread: how many pages there are beyond those that were read.
    """

    last: HttpResponse
    content: bytes
    unread: int = 0

    @classmethod
    def one(cls, response: HttpResponse) -> Pages:
        """Return a single response."""
        return cls(response, response.content)


def read_all_pages(trakt: Trakt, call: Call, *, most: int) -> Pages:
    """Get one page after another, from the one that the path names or the first."""
    items: list[object] = []
    read, size, page = 0, 0, None
    while True:
        response = (call if page is None else call.with_query({"page": str(page)})).send(trakt)
        count = _number(response.headers, "x-pagination-page-count")
        if response.status_code != HTTPStatus.OK or (read == 0 and count is None):  # the latter: not a list in pages
            return Pages.one(response)
        read, size = read + 1, size + len(response.content)
        items += _items(response.content)
        current = _number(response.headers, "x-pagination-page") or page or 1
        unread = max(0, (count or 0) - current)
        if not unread or read == most or size > _MAX_BYTES:
            return Pages(response, json.dumps(items, ensure_ascii=False).encode("utf-8", "surrogatepass"), unread)
        page = current + 1 if page is None else page + 1


def _items(content: bytes) -> list[object]:
    with suppress(ValueError, RecursionError):
        items = json.loads(content)
        if isinstance(items, list):
            return cast("list[object]", items)
    raise UnexpectedReply("A page of the list is not a JSON array", status=HTTPStatus.OK)


def _number(headers: Mapping[str, str], name: str) -> int | None:
    value = headers.get(name, "")
    return int(value) if re.fullmatch(r"[0-9]{1,9}", value) else None


_METHOD = re.compile(r"[A-Za-z]+")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_WITH_QUERY = {"GET", "HEAD", "DELETE"}
_RESERVED = {"authorization", "host", "content-length", "transfer-encoding"}


@dataclass(frozen=True, slots=True)
class Call:
    """One API request."""

    method: str
    path: str
    body: object = None
    headers: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def read(
        cls,
        method_or_path: str | None,
        path: str | None,
        *,
        fields: dict[str, object],
        body: object,
        headers: dict[str, str],
    ) -> Call:
        """Return the request that the arguments describe."""
        if method_or_path is None:
            raise click.UsageError("PATH is missing: traktauth request /users/settings")
        if path is None:
            if _METHOD.fullmatch(method_or_path) and method_or_path.isupper():
                raise click.UsageError(f"PATH is missing: traktauth request {method_or_path} /users/settings")
            method, path = "GET" if body is None else "POST", method_or_path
        else:
            method = method_or_path.upper()
        if not _METHOD.fullmatch(method):
            raise click.UsageError("METHOD must be an HTTP method, such as GET")
        call = cls(method, path if path.startswith("/") else f"/{path}", body, headers)
        if not fields:
            return call
        if method in _WITH_QUERY:
            texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
            return call.with_query(texts)
        members: object = {} if body is None else body
        if not isinstance(members, dict):
            raise click.UsageError("-f and -F add members to --body, so that must be a JSON object")
        return replace(call, body=members | fields)

    def with_query(self, parameters: dict[str, str]) -> Call:
        """Return the request with more query parameters."""
        return replace(self, path=f"{self.path}{'&' if '?' in self.path else '?'}{urlencode(parameters)}")

    def at(self, api: str) -> Call:
        """Return the request of a whole address, as copied from elsewhere, with its path only."""
        address = self.path.removeprefix("/")
        path = address.removeprefix(api)
        if path == address or not path.startswith("/"):
            raise click.UsageError(
                f"{shorten(address)} is not an address of {api}; give a path, such as /users/settings"
            )
        return replace(self, path=path)

    def send(self, trakt: Trakt) -> HttpResponse:
        """Send it as the account."""
        return trakt.request(self.method, self.path, json=self.body, headers=self.headers)


def read_body(body: str) -> object:
    """Return the JSON that is in the argument, in a file or on stdin."""
    text = sys.stdin.read() if body == "-" else _read_file("--body", body) if body[:1] == "@" else body
    try:
        return json.loads(text.removeprefix("\ufeff"))
    except RecursionError:
        raise click.UsageError("--body is nested too deeply") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise click.UsageError(f"--body is not valid JSON: {place}: {error.msg}") from None


def _read_file(option: str, path: str) -> str:
    """Return the text of an `@FILE`."""
    try:
        return Path(path[1:]).read_text("utf-8")
    except OSError as error:
        raise click.UsageError(f"{option} {escape(path)}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise click.UsageError(f"{option} {escape(path)}: not UTF-8") from None


def read_fields(texts: tuple[str, ...], typed: tuple[str, ...]) -> dict[str, object]:
    """Return the members of `-f` and `-F`."""
    fields: dict[str, object] = {}
    for option, each in (*(("-f", each) for each in texts), *(("-F", each) for each in typed)):
        name, sign, value = each.partition("=")
        if not sign or not name:
            raise click.UsageError(f"{option} must be NAME=VALUE, not {escape(shorten(each))}")
        if option == "-F" and value[:1] == "@":
            fields[name] = _read_file(option, value)
        elif option == "-F" and re.fullmatch(r"true|false|null|-?(0|[1-9][0-9]{0,17})", value):
            fields[name] = json.loads(value)
        else:
            fields[name] = value
    return fields


def read_headers(values: tuple[str, ...]) -> dict[str, str]:
    """Return the header fields of `-H`."""
    headers: dict[str, str] = {}
    for each in values:
        name, sign, value = each.partition(":")
        name, value = name.strip(), value.strip()
        if not sign or not _HEADER_NAME.fullmatch(name):
            raise click.UsageError(f"-H must be NAME:VALUE, not {escape(shorten(name, 60))}")
        if not (value.isascii() and (not value or value.isprintable())):
            raise click.UsageError(f"-H {name}: the value must be printable ASCII")
        if name.lower() in _RESERVED:
            reason = "the account's own token is sent" if name.lower() == "authorization" else "it is set by itself"
            raise click.UsageError(f"-H {name} cannot be set: {reason}")
        headers[name] = value
    return headers
