"""Record extra cases from the real engines: `python -m fidelity.replay.record PROFILE URL [--once URL]`.

Cases whose name is in the first recording are left out. The order of the file is that of `extra_cases`.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from fidelity.extra_cases import extra_cases
from fidelity.replay.cases import CASES, FILES, Case, parse_case
from fidelity.replay.placeholders import known, scrubbed
from fidelity.replay.runner import play
from fidelity.replay.server import Server
from fidelity.replay.session import Session
from fidelity.setups import SETUPS

if TYPE_CHECKING:
    from fidelity.extra_cases.case import ExtraCase

KEPT = (
    "accept", "allow", "cache-control", "content-type", "location", "pragma", "retry-after", "www-authenticate",
    "x-retry-after",
)  # fmt: skip


def main() -> int:
    """Record every extra case of a profile."""
    parser = argparse.ArgumentParser(prog="python -m fidelity.replay.record", description=__doc__)
    parser.add_argument("profile", choices=("current", "classic"))
    parser.add_argument("base", metavar="URL", help="a real engine")
    parser.add_argument("--once", metavar="URL", help="classic: one whose used refresh tokens die at once")
    parser.add_argument("--server", required=True, help="the engine's name and version, as its start script prints it")
    fields = parser.parse_args()
    bases = {"prev": fields.base, "ui": fields.base, "noprev": fields.once}
    first, extra = (CASES / name for name in FILES[fields.profile])
    taken = {case["name"] for case in json.loads(first.read_text())}
    wanted = extra_cases(fields.profile)
    recorded = [recording(Server(bases[one.mode], fields.profile, local=False), one, fields.server)
                for one in wanted if one.name not in taken]  # fmt: skip
    extra.write_text("[\n" + ",\n".join(json.dumps(one, ensure_ascii=False) for one in recorded) + "\n]\n")
    print(f"{len(recorded)} cases recorded in {extra.name}")
    return 0


def recording(server: Server, one: ExtraCase, version: str) -> dict[str, Any]:
    """Play an extra case at an engine, and give it as it is kept."""
    fields: dict[str, Any] = {"name": one.name, "via": one.via, "server": version, "setup": one.setup}
    if one.mode != "prev":
        fields["mode"] = one.mode
    fields["request"] = dict(one.request)
    if one.decision:
        fields["decision"] = one.decision
    if one.mode == "ui":
        fields["request"] = {**one.request, "headers": {**one.request["headers"], "x-consent": "ask"}}
    server.reset()
    case: Case = parse_case(server.profile, fields, is_extra=True)
    session = Session(server, case)
    state = SETUPS[server.profile][case.setup](session)
    heard = play(session, state)
    values = known(server.base) | dict(state.values)
    headers = {name: scrubbed(value, values) for name, value in heard.answer.headers.items() if name in KEPT}
    body = "" if headers.get("content-type", "").startswith("text/html") else scrubbed(heard.answer.body, values)
    fields["response"] = {"status": heard.answer.status, "headers": headers, "body": body}
    effects = json.loads(json.dumps(heard.effects))
    return fields | ({"effects": effects} if effects else {})


if __name__ == "__main__":
    sys.exit(main())
