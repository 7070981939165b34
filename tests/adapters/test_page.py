"""docs/adapters.md: its blocks of Python run, one after the other, against a local Trakt."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.engines import CHECKOUT
from traktauth import Trakt
from traktauth.testing import LocalTrakt

PAGE = CHECKOUT / "docs/adapters.md"
HERE = Path(__file__).parent
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
LOOPS = [block for block in BLOCKS if "trakt.attempt(url)" in block]


@pytest.mark.parametrize(("title", "program"), [("PyTrakt", "pytrakt_program.py"), ("trakt.py", "trakt_py_program.py")])
def test_the_lines_for_a_trakt_library_are_those_of_a_program_that_runs(title, program):
    """They need an environment of their own: test_environments.py runs the program against a local Trakt."""
    block = re.search(rf"^## {re.escape(title)}.*?^```text\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert block is not None
    lines = [line.strip() for line in (HERE / program).read_text().splitlines()]
    missing = [line for line in block[1].splitlines() if line.strip() not in lines]
    assert not missing
    assert any("login.api_url" in line for line in block[1].splitlines())


GETURL = LOOPS[0].replace("attempt.retry()", "attempt.retry(response.geturl())")  # a path alone


@pytest.mark.parametrize("block", [*LOOPS, GETURL], ids=["urllib3", "http.client", "pycurl", "urllib3's geturl"])
def test_a_loop_over_attempts_sends_a_second_request_with_a_new_token(block, capsys):
    with LocalTrakt() as server, Trakt(server.app, service=server.url, store="memory:", clock=server.clock) as trakt:
        old = server.sign_in_at(trakt)
        server.expire("access", old.access_token)
        exec(block, {"trakt": trakt, "url": f"{server.url}/users/settings"})
        assert capsys.readouterr().out == "200\n"
        assert trakt.token().generation == old.generation + 1
        assert server.ledger["rotations"] == 1


@pytest.mark.slow
def test_every_block_of_the_page_runs(tmp_path):
    assert len(BLOCKS) == 10
    program = (
        "\n".join(BLOCKS) + "\n    print('test', session is not None)\n\n\ntest_my_program(trakt)\ntrakt.close()\n"
    )
    with LocalTrakt() as server:
        values = {"SERVICE": server.url, "CLIENT_ID": server.app.client_id, "CLIENT_SECRET": server.app.client_secret}
        values["STORE"] = f"file:{tmp_path}/login.json"
        mine = {name: value for name, value in os.environ.items() if not name.startswith("TRAKTAUTH_")}
        env = mine | {"HOME": str(tmp_path)} | {f"TRAKTAUTH_{name}": value for name, value in values.items()}
        with Trakt(server.app, service=server.url, store=values["STORE"], clock=server.clock) as trakt:
            server.sign_in_at(trakt)
        done = subprocess.run(
            [sys.executable, "-c", program], env=env, capture_output=True, text=True, timeout=300, check=False
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["sean", "sean", "sean", "sean", "200", "200", "200", "200", "test", "True"]
