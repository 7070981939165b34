"""Record further cases from the real engines: `python -m interop.replay.record PROFILE URL [--once URL]`.

Cases whose name is in the first recording are left out. The order of the file is that of `further.py`.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from interop.replay.cases import CASES, FILES, Case, case_of
from interop.replay.further import further_cases
from interop.replay.given import SETUPS
from interop.replay.judge import play
from interop.replay.placeholders import known, scrubbed
from interop.replay.server import Server
from interop.replay.talk import Talk

if TYPE_CHECKING:
    from interop.replay.further.words import Further

KEPT = (
    "accept", "allow", "cache-control", "content-type", "location", "pragma", "retry-after", "www-authenticate",
    "x-retry-after",
)  # fmt: skip


def main() -> int:
    """Record every further case of a profile."""
    parser = argparse.ArgumentParser(prog="python -m interop.replay.record", description=__doc__)
    parser.add_argument("profile", choices=("current", "classic"))
    parser.add_argument("base", metavar="URL", help="a real engine")
    parser.add_argument("--once", metavar="URL", help="classic: one whose used refresh tokens die at once")
    parser.add_argument("--server", required=True, help="the engine's name and version, as its start script prints it")
    said = parser.parse_args()
    bases = {"prev": said.base, "ui": said.base, "noprev": said.once}
    first, further = (CASES / name for name in FILES[said.profile])
    taken = {case["name"] for case in json.loads(first.read_text())}
    wanted = further_cases(said.profile)
    recorded = [recording(Server(bases[one.mode], said.profile, local=False), one, said.server)
                for one in wanted if one.name not in taken]  # fmt: skip
    further.write_text("[\n" + ",\n".join(json.dumps(one, ensure_ascii=False) for one in recorded) + "\n]\n")
    print(f"{len(recorded)} cases recorded in {further.name}")
    return 0


def recording(server: Server, one: Further, version: str) -> dict[str, Any]:
    """Play a further case at an engine, and give it as it is kept."""
    said: dict[str, Any] = {"name": one.name, "via": one.via, "server": version, "given": one.given}
    if one.mode != "prev":
        said["mode"] = one.mode
    said["request"] = dict(one.request)
    if one.decision:
        said["decision"] = one.decision
    if one.mode == "ui":
        said["request"] = {**one.request, "headers": {**one.request["headers"], "x-consent": "ask"}}
    server.reset()
    case: Case = case_of(server.profile, said)
    talk = Talk(server, case)
    scene = SETUPS[server.profile].of(case)(talk)
    heard = play(talk, scene)
    values = known(server.base) | dict(scene.values)
    headers = {name: scrubbed(value, values) for name, value in heard.answer.headers.items() if name in KEPT}
    body = "" if headers.get("content-type", "").startswith("text/html") else scrubbed(heard.answer.body, values)
    said["response"] = {"status": heard.answer.status, "headers": headers, "body": body}
    effects = json.loads(json.dumps(heard.effects))
    return said | ({"effects": effects} if effects else {})


if __name__ == "__main__":
    sys.exit(main())
