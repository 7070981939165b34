"""Helpers to define extra cases."""

from __future__ import annotations

import json
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fidelity.replay.http import FORM, JSON

if TYPE_CHECKING:
    from collections.abc import Mapping

GONE = None  # a member that is left out
CALLBACK = "http://127.0.0.1:9876/callback"
TRUSTED = {"client_id": "{{client_id:trusted}}", "client_secret": "{{client_secret:trusted}}"}
OTHER = {"client_id": "{{client_id:consent}}", "client_secret": "{{client_secret:consent}}"}
PUBLIC = {"client_id": "{{client_id:public}}", "client_secret": GONE}
BASIC = {"authorization": "{{basic:trusted}}"}
NOBODY = {"client_id": GONE, "client_secret": GONE}
UNKNOWN_APP = {"client_id": "unknown-client", "client_secret": "x"}


@dataclass(frozen=True)
class ExtraCase:
    """A case to be recorded.

    Attributes:
        name: its name.
        setup: its set-up's name.
        request: what is sent, with placeholders.
        via: whose paths are used on `current`.
        mode: which server of a profile it is for.
        decision: `approve` or `deny`, where a person is asked and answers.
    """

    name: str
    setup: str
    request: Mapping[str, Any]
    via: str = "native"
    mode: str = "prev"
    decision: str = ""


def form(path: str, members: Mapping[str, Any], headers: Mapping[str, str] = {}) -> dict[str, Any]:
    """Write a POST of a form."""
    pairs = [(name, str(value)) for name, value in members.items() if value is not None]
    body = urllib.parse.urlencode(pairs, safe="{}:")
    return {"method": "POST", "path": path, "headers": {"content-type": FORM, **headers}, "body": body}


def posted(path: str, members: Mapping[str, Any], headers: Mapping[str, str] = {}) -> dict[str, Any]:
    """Write a POST of JSON; a member that is GONE is left out, one that is NULL is null."""
    said = {name: None if value is NULL else value for name, value in members.items() if value is not GONE}
    return raw(path, json.dumps(said), JSON, headers)


NULL = object()


def raw(path: str, body: str | None, media: str | None = FORM, headers: Mapping[str, str] = {}) -> dict[str, Any]:
    """Write a POST of a text."""
    kind = {"content-type": media} if media else {}
    return {"method": "POST", "path": path, "headers": {**kind, **headers}, "body": body}


def bare(method: str, path: str, headers: Mapping[str, str] = {}) -> dict[str, Any]:
    """Write a request without a body."""
    return {"method": method, "path": path, "headers": dict(headers), "body": None}


def query_of(path: str, members: Mapping[str, Any]) -> str:
    """Give a path with a query."""
    pairs = [(name, value) for name, value in members.items() if value is not GONE]
    return f"{path}?{urllib.parse.urlencode(pairs, safe='{}:')}"
