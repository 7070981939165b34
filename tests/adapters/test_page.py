"""docs/adapters.md: its blocks of Python run, one after the other, against a local Trakt."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from support.engines import CHECKOUT
from traktauth import Trakt
from traktauth.testing import LocalTrakt

pytestmark = pytest.mark.slow


def test_every_block_of_the_page_runs(tmp_path):
    blocks = re.findall(r"^```python\n(.*?)^```", (CHECKOUT / "docs/adapters.md").read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 7
    program = (
        "\n".join(blocks) + "\n    print('test', session is not None)\n\n\ntest_my_program(trakt)\ntrakt.close()\n"
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
    assert done.stdout.split() == ["sean", "sean", "sean", "sean", "200", "200", "test", "True"]
