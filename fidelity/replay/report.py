"""Write the recorded cases into `docs/fidelity.md`: `python -m fidelity.replay.report`. A test compares the page."""

from __future__ import annotations

import re
import sys
import urllib.parse
from collections import defaultdict
from pathlib import Path

from fidelity.replay.cases import Case, cases_of
from fidelity.replay.compare import kind_of
from fidelity.replay.deviations import DEVIATIONS, OUT_OF_SCOPE, reason_to_skip
from fidelity.replay.placeholders import BARE, parsed

PAGE = Path(__file__).parents[2] / "docs" / "fidelity.md"
PROFILES = {"current": "better-auth", "classic": "Doorkeeper 5.6.6"}
MAX_NAMES = 12
SECTION = re.compile(r"(<!-- (\w+)[^>]*-->\n).*?(<!-- end -->)", re.DOTALL)
DOCUMENTED = re.compile(r"/oauth/device/")
ENGINES_PATHS = re.compile(r"/api/auth/|/\.well-known/")


def main() -> int:
    """Write the generated sections of the page."""
    PAGE.write_text(written(PAGE.read_text()))
    return 0


def written(page: str) -> str:
    """Return the page with up-to-date generated sections."""
    sections = {
        "deviations": deviations(),
        "scope": out_of_scope(),
        "current": answers("current"),
        "classic": answers("classic"),
    }
    return SECTION.sub(lambda found: f"{found[1]}{sections[found[2]]}\n{found[3]}", page)


def deviations() -> str:
    """Return the table of deviations that have cases."""
    rows = ["| profile | the engine | the local Trakt | why | cases |", "|---|---|---|---|---|"]
    for profile, found in DEVIATIONS.items():
        for one in found:
            cases = ", ".join(f"`{pattern}`" for pattern in one.cases)
            rows.append(f"| `{profile}` | {one.engine} | {one.local} | {one.why} | {cases} |")
    return "\n".join(rows)


def out_of_scope() -> str:
    """Return the table of cases that are not compared."""
    rows = ["| profile | cases | number | why |", "|---|---|---|---|"]
    for profile, reasons in OUT_OF_SCOPE.items():
        skipped = [reason_to_skip(case) for case in cases_of(profile)]
        rows += [f"| `{profile}` | `{name}` | {skipped.count(why)} | {why} |" for name, why in reasons.items()]
    return "\n".join(rows)


def answers(profile: str) -> str:
    """Return the table of responses, one row for each path and response."""
    cases: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for case in cases_of(profile):
        if case.request is not None and case.response and not reason_to_skip(case):
            cases[place_of(case), answer_of(case), tag_of(case)].append(case.name)
    rows = ["| request | response | tag | cases |", "|---|---|---|---|"]
    rows += [
        f"| `{place}` | {answer} | {tag} | {listed(names)} |" for (place, answer, tag), names in sorted(cases.items())
    ]
    return "\n".join(rows)


def place_of(case: Case) -> str:
    """Return method and path."""
    return f"{case.request['method']} {re.sub('/+', '/', case.request['path'].partition('?')[0])}"


def answer_of(case: Case) -> str:
    """Describe a response in a few words."""
    status, headers, body = (case.response[name] for name in ("status", "headers", "body"))
    if "location" in headers:
        return f"{status} to {location_of(headers['location'])}"
    if not (body or "").startswith("{"):
        kind = "a page" if kind_of(headers) == "text/html" and status != 401 else f"`{body}`" if body else "empty"
        return f"{status}, {kind}"
    members = parsed(body)
    if members.get("error"):
        return f"{status} `{members['error']}` {quote(members.get('error_description'))}".strip()
    if "message" in members:
        return f"{status} `{members.get('code')}` {quote(members['message'])}"
    return f"{status} with {', '.join(f'`{name}`' for name in sorted(members)) or 'no member'}"


def location_of(location: str) -> str:
    """Return the target of a redirect."""
    address, _, query = BARE.sub(r"\1", location).replace("{{base}}", "").partition("?")
    error = re.search(r"error=(\w+)&error_description=([^&]*)", query)
    if error:
        where = "the error page" if address == "/api/auth/error" else "the app"
        return f"{where}: `{error[1]}` {quote(urllib.parse.unquote_plus(error[2]))}"
    if address.startswith("/"):
        return f"`{address}`"
    return "the app, with a code" + (" in the fragment" if "#" in location else "")


def quote(sentence: object) -> str:
    """Quote a sentence for a table."""
    return f"“{str(sentence).replace('|', chr(92) + '|')}”" if sentence else ""


def tag_of(case: Case) -> str:
    """Return the tag for the source of a response."""
    path = case.request["path"]
    if case.profile == "current" and not ENGINES_PATHS.search(path):
        return "doc" if DOCUMENTED.search(path) and not case.response["body"] else "inferred"
    return "recorded"


def listed(names: list[str]) -> str:
    """List the cases' names, the first few of many."""
    shown = ", ".join(f"`{name}`" for name in names[:MAX_NAMES])
    return shown + (f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else "")


if __name__ == "__main__":
    sys.exit(main())
