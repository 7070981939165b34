"""Placeholders: what stands in a recorded case for a value that differs each time, `{{code}}` and the like."""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
from typing import TYPE_CHECKING, Any

from fidelity.replay.http import Request
from fidelity.replay.seed_file import APPS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PLACEHOLDER = re.compile(r"\{\{([^{}]+)\}\}")
# In recorded JSON a placeholder may stand for a number, without quotes.
BARE = re.compile(r"(?<=[:,\[])(\{\{[^{}]+\}\})(?=[,}\]])")
# What a case is sent where its set-up has no such thing: well-formed, and unknown to every server.
UNKNOWN = {
    "code": "n" * 32, "code_verifier": "v" * 43, "code_challenge": "c" * 43, "new_code": "n" * 32,
    "access_token": "n" * 32, "new_access_token": "n" * 32, "refresh_token": "n" * 32, "new_refresh_token": "n" * 32,
    "device_code": "n" * 40, "new_device_code": "n" * 40, "created_at": "1",
}  # fmt: skip


def known(base: str) -> dict[str, str]:
    """Give the placeholders whose values do not depend on a set-up."""
    values = {"base_urlencoded": in_query(base), "base": base}
    for name, app in APPS.items():
        secret = app.client_secret or ""
        basic = base64.b64encode(f"{app.client_id}:{secret}".encode()).decode()
        values |= {
            f"client_id:{name}": app.client_id,
            f"client_secret:{name}": secret,
            f"basic:{name}": f"Basic {basic}",
        }
    return values


def fill(text: str, values: Mapping[str, str], written: Callable[[str], str] = str) -> str:
    """Put values in the place of placeholders, each written as its surroundings want it."""
    everything = {**UNKNOWN, **values}
    return PLACEHOLDER.sub(lambda found: written(everything[found[1]]), text)


def filled(recorded: Mapping[str, Any], values: Mapping[str, str]) -> Request:
    """Make a recorded request ready to be sent."""
    headers = {name: fill(value, values) for name, value in recorded["headers"].items()}
    is_json = "json" in " ".join(value for name, value in headers.items() if name.lower() == "content-type")
    written = in_json_text if is_json else in_query
    body = recorded["body"] and fill(recorded["body"], values, written)
    return Request(recorded["method"], fill(recorded["path"], values, in_query), headers, body)


def in_query(value: str) -> str:
    """Write a value for a query or form."""
    return urllib.parse.quote(value, safe="")


def in_json_text(value: str) -> str:
    """Write a value to stand between the quotes of a JSON text."""
    return json.dumps(value)[1:-1]


def parsed(text: str) -> Any:
    """Parse recorded JSON."""
    return json.loads(BARE.sub(r'"\1"', text))


def pattern(template: str, values: Mapping[str, str]) -> re.Pattern[str]:
    """Make a pattern of a recorded text: a known placeholder is its value, any other is anything but nothing."""
    parts = PLACEHOLDER.split(template)
    fixed = [re.escape(part) for part in parts[::2]]
    between = [re.escape(values[name]) if name in values else ".+" for name in parts[1::2]]
    return re.compile("".join(one + other for one, other in zip(fixed, [*between, ""], strict=True)), re.DOTALL)


MADE_UP_MEMBERS = ("access_token", "refresh_token", "id_token", "device_code", "user_code")
MADE_UP_NUMBERS = ("expires_at", "created_at", "iat", "exp", "auth_time")
MADE_UP_NAMES = ("sub", "sid")
MIN_VALUE = 6  # shorter ones may be part of a word


def scrubbed(text: str, values: Mapping[str, str]) -> str:
    """Put placeholders in the place of everything that differs each time."""
    for name, value in sorted(values.items(), key=lambda pair: -len(pair[1])):
        for written in (value, in_query(value)) if len(value) >= MIN_VALUE else ():
            text = text.replace(written, f"{{{{{name}}}}}")
    text = re.sub(rf'"({"|".join(MADE_UP_MEMBERS)})":"(?!\{{\{{)[^"]+"', r'"\1":"{{new_\1}}"', text)
    text = re.sub(rf'"({"|".join(MADE_UP_NUMBERS)})":\d+', r'"\1":{{\1}}', text)
    text = re.sub(rf'"({"|".join(MADE_UP_NAMES)})":"(?!\{{\{{)[^"]+"', r'"\1":"{{\1}}"', text)
    text = re.sub(r"([?&#])(exp|ba_iat|sig)=[^&#\"]+", r"\1\2={{\2}}", text)
    text = re.sub(r"([?&#]code=)(?!\{\{)[\w-]{32,}", r"\1{{new_code}}", text)
    return re.sub(r"user_code=[A-Z2-9]{8}\b", "user_code={{new_user_code}}", text)
