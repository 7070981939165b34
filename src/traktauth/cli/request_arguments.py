"""What `traktauth request` takes, read and checked before anything is sent."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import click

from traktauth.client.sync_client import Trakt
from traktauth.display import escape, shorten

if TYPE_CHECKING:
    from traktauth.client.http import HttpResponse

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
