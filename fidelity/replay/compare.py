"""The rules by which a server's answer is compared with a recorded one.

1. The status is the same. Doorkeeper's error pages have had two: 200 until 5.x, 400 or 401 since 6.0.
2. The media type is the same wherever there is a body.
3. A JSON body has the same members with the same values of the same types. What a server makes up (tokens, codes,
   times, identifiers: `MADE_UP`) must be there, of the same type, and not be empty; `expires_in` may differ by 1 %, as
   time passes between issue and answer. Lists are compared without their order.
4. A redirect goes to the same address with the same parameters; made-up ones must be there. Where the engine turns to a
   page of its own host's (`/sign-in`, `/consent`), so does the server, and tells the client nothing yet.
5. `WWW-Authenticate` is there or not, with the same scheme, realm, error and sentence; a resource's realm is its own
   affair.
6. A recorded `Cache-Control: no-store` or `public` is there. A server may say `no-store` where the engine does not.
7. Retry-After and X-Retry-After are there where they were.
8. After-effects: everything that was seen afterwards is the same.

Left alone: the text of HTML pages; the body of a 404 for a path that is not there; header fields without a meaning to
OAuth; the order of members; the case of `token_type`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fidelity.replay.cases import ANY
from fidelity.replay.http import Request, Response, parameters_of
from fidelity.replay.placeholders import PLACEHOLDER, fill, parsed, pattern

MADE_UP = frozenset((
    "auth_time", "created_at", "exp", "expires_at", "iat", "id", "resource_owner_id", "sid", "sub",
))  # fmt: skip
MADE_UP_PARAMETERS = frozenset(("code", "user_code"))
RESOURCE = "/me"  # of the Rails app around Doorkeeper
OWN_PAGES = ("/sign-in", "/consent")
OPTIONAL_METADATA = frozenset((  # RFC 8414 and OpenID leave them to the server
    "acr_values_supported", "claims_supported", "end_session_endpoint", "id_token_signing_alg_values_supported",
    "jwks_uri", "prompt_values_supported", "subject_types_supported",
))  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """One difference: what it is about, what was recorded, what came."""

    what: str
    recorded: object
    came: object

    def __str__(self) -> str:
        return f"{self.what}: {self.recorded!r} was recorded, {self.came!r} came"


def differences(
    recorded: Mapping[str, Any], answer: Response, request: Request, values: Mapping[str, str]
) -> list[Difference]:
    """Compare an answer with the recorded one."""
    pages = (200, 400, 401) if _is_error_page(recorded, request) else (recorded["status"],)
    if answer.status not in pages:
        return [Difference("status", recorded["status"], f"{answer.status} {answer.body[:120]}".strip())]
    found = list(_headers(recorded["headers"], answer.headers, values, of_resource=request.path == RESOURCE))
    if "location" not in recorded["headers"]:
        found += _body(recorded, answer, values)
    return found


def effects_differ(recorded: Mapping[str, Any], seen: Mapping[str, Any], path: str = "afterwards") -> list[Difference]:
    """Compare after-effects; everything recorded must have been seen."""
    found = []
    for name, expected in recorded.items():
        here, came = f"{path}, {name}", seen.get(name)
        if isinstance(expected, Mapping) and isinstance(came, Mapping):
            found += effects_differ(expected, came, here)
        elif expected != came:
            found.append(Difference(here, expected, came))
    return found


def _is_error_page(recorded: Mapping[str, Any], request: Request) -> bool:
    at_authorize = request.path.partition("?")[0] == "/oauth/authorize"
    return at_authorize and kind_of(recorded["headers"]) == "text/html" and "location" not in recorded["headers"]


def kind_of(headers: Mapping[str, str]) -> str:
    """Give the media type without its parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _headers(
    recorded: Mapping[str, str], came: Mapping[str, str], values: Mapping[str, str], *, of_resource: bool
) -> Iterator[Difference]:
    for directive in ("no-store", "public"):
        if directive in recorded.get("cache-control", "") and directive not in came.get("cache-control", ""):
            yield Difference("cache-control", directive, came.get("cache-control"))
    one, other = (_challenge(headers.get("www-authenticate"), realm=not of_resource) for headers in (recorded, came))
    if one != other and recorded.get("www-authenticate") != ANY:
        yield Difference("www-authenticate", one, other)
    if "location" in recorded or "location" in came:
        yield from locations_differ(recorded.get("location"), came.get("location"), values)
    for name in ("retry-after", "x-retry-after"):
        if name in recorded and name not in came:
            yield Difference(name, recorded[name], None)


def _challenge(field: str | None, *, realm: bool) -> dict[str, str] | None:
    """Take WWW-Authenticate apart."""
    if field is None:
        return None
    told = dict(re.findall(r'\b(\w+)="([^"]*)"', field))
    return {"scheme": field.partition(" ")[0], **{name: told[name] for name in told if realm or name != "realm"}}


def _body(recorded: Mapping[str, Any], answer: Response, values: Mapping[str, str]) -> Iterator[Difference]:
    expected, kind, came = recorded["body"] or "", kind_of(recorded["headers"]), kind_of(answer.headers)
    if recorded["status"] == 404 and not expected.startswith("{"):
        return
    if kind == "text/html":  # a page, or Rails' empty one
        if answer.body and came != "text/html":
            yield Difference("a page or nothing", kind, f"{came} {answer.body[:80]}")
        return
    if expected and kind != came:
        yield Difference("media type", kind, came)
    if expected == ANY:
        return
    if not expected or answer.json is None:
        if expected.strip() != answer.body.strip():
            yield Difference("body", expected, answer.body[:120])
        return
    yield from _values("body", parsed(expected), answer.json, values)


def _values(name: str, expected: Any, came: Any, values: Mapping[str, str]) -> Iterator[Difference]:
    """Compare two JSON values; *name* is that of the member they belong to."""
    if isinstance(expected, dict) and isinstance(came, dict):
        optional = OPTIONAL_METADATA if "issuer" in expected else frozenset()
        for member in sorted(expected.keys() - came.keys() - optional):
            yield Difference(f"member {member}", expected[member], "absent")
        for member in sorted(came.keys() - expected.keys()) if "issuer" not in expected else ():
            yield Difference(f"member {member}", "absent", came[member])
        for member in expected.keys() & came.keys():
            yield from _values(member, expected[member], came[member], values)
    elif name == "url" and isinstance(came, str):
        yield from locations_differ(expected, came, values)
    elif not _alike(name, expected, came, values):
        yield Difference(name, expected, came)


def _alike(name: str, expected: Any, came: Any, values: Mapping[str, str]) -> bool:
    if name in MADE_UP or expected == ANY:
        return came not in (None, "", [])
    if name == "expires_in":
        return type(came) is int and abs(came - expected) <= max(1, expected / 100)
    if name == "token_type":
        return str(expected).lower() == str(came).lower()
    if isinstance(expected, list) and isinstance(came, list):
        return sorted(map(str, (fill(str(one), values) for one in expected))) == sorted(map(str, came))
    if isinstance(expected, str) and PLACEHOLDER.search(expected):
        return isinstance(came, str) and bool(pattern(expected, values).fullmatch(came))
    return type(expected) is type(came) and expected == came


def locations_differ(expected: str | None, came: str | None, values: Mapping[str, str]) -> Iterator[Difference]:
    """Compare two redirect addresses."""
    if expected is None or came is None:
        yield Difference("location", expected, came)
        return
    one, other = _taken_apart(expected, values), _taken_apart(came, values)
    if one[0] in OWN_PAGES:
        if not other[0].startswith("/") or {"code", "error"} & other[1].keys():
            yield Difference("a redirect to a page of the server's own", expected, came)
        return
    if one[0] != other[0]:
        yield Difference("location", one[0], other[0])
    for name in sorted(one[1].keys() | other[1].keys()):
        first, second = one[1].get(name), other[1].get(name)
        if first != second and not (name in MADE_UP_PARAMETERS and first and second):
            yield Difference(f"location's {name}", first, second)


def _taken_apart(location: str, values: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Give the address with its `?` or `#`, and its parameters; placeholders without a value stay as they are."""
    location = PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), location)
    address, mark, query = re.fullmatch(r"([^?#]*)([?#]?)(.*)", location, re.DOTALL).groups()
    return address.removeprefix(values["base"]) + mark.strip("?"), parameters_of(query)
