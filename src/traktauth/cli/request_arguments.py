"""What `traktauth request` takes, read and checked before anything is sent."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
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
    """One API request.

    Attributes:
        method: in upper case.
        path: with its query.
        body: what is sent as JSON; None: nothing.
        headers: the caller's header fields.
    """

    method: str
    path: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def read(
        cls,
        method_or_path: str | None,
        path: str | None,
        *,
        fields: dict[str, Any],
        body: Any,  # noqa: ANN401 - whatever JSON holds
        headers: dict[str, str],
    ) -> Call:
        """Return the request that the arguments describe.

        Raises:
            UsageError: they make no sense together.
        """
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
            return call.with_query({name: _as_query(value) for name, value in fields.items()})
        if body is not None and not isinstance(body, dict):
            raise click.UsageError("-f and -F add members to --body, so that must be a JSON object")
        return replace(call, body={**(body or {}), **fields})

    def with_query(self, parameters: dict[str, str]) -> Call:
        """Return the request with more query parameters."""
        return replace(self, path=f"{self.path}{'&' if '?' in self.path else '?'}{urlencode(parameters)}")

    def at(self, api: str) -> Call:
        """Return the request of a whole address, as copied from elsewhere, with its path only.

        Raises:
            UsageError: the address is of another host than the service's API.
        """
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


def read_body(body: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return the JSON that was values, in the argument, in a file or on stdin.

    Raises:
        UsageError: it cannot be read, or is not valid JSON.
    """
    try:
        text = sys.stdin.read() if body == "-" else _read_file(body[1:]) if body[:1] == "@" else body
    except OSError as error:
        raise click.UsageError(f"--body {escape(body)}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise click.UsageError("--body is not UTF-8") from None
    try:
        return json.loads(text.removeprefix("\ufeff"))
    except RecursionError:
        raise click.UsageError("--body is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise click.UsageError(
            f"--body is not valid JSON: line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None


def _read_file(path: str) -> str:
    return Path(path).read_text("utf-8")


def read_fields(texts: tuple[str, ...], typed: tuple[str, ...]) -> dict[str, Any]:
    """Return the members of `-f` and `-F`.

    Raises:
        UsageError: one is not NAME=VALUE, or names a file that cannot be read.
    """
    fields: dict[str, Any] = {}
    for option, values in (("-f", texts), ("-F", typed)):
        for each in values:
            name, sign, value = each.partition("=")
            if not sign or not name:
                raise click.UsageError(f"{option} must be NAME=VALUE, not {escape(shorten(each))}")
            fields[name] = value if option == "-f" else _parse_value(value)
    return fields


def _parse_value(value: str) -> Any:  # noqa: ANN401 - as JSON has it
    if value[:1] == "@":
        try:
            return _read_file(value[1:])
        except OSError as error:
            raise click.UsageError(f"-F {escape(value)}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise click.UsageError(f"-F {escape(value)}: not UTF-8") from None
    if value in {"true", "false", "null"} or re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", value):
        return json.loads(value)
    return value


def _as_query(value: Any) -> str:  # noqa: ANN401 - as above
    return value if isinstance(value, str) else json.dumps(value)


def read_headers(values: tuple[str, ...]) -> dict[str, str]:
    """Return the header fields of `-H`.

    Raises:
        UsageError: one is not NAME:VALUE, or would replace one that is sent for the account.
    """
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
