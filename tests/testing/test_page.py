"""docs/testing.md: its blocks of Python are tests, and they pass."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from support.engines import CHECKOUT

pytestmark = pytest.mark.slow


def test_every_block_of_the_page_passes(tmp_path):
    text = (CHECKOUT / "docs/testing.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (tmp_path / "test_page.py").write_text("\n".join(blocks))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:asyncio", "-p", "no:cacheprovider"]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "PYTEST_"))}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False, env=env)
    assert done.returncode == 0, done.stdout
    assert f"{text.count('def test_')} passed" in done.stdout
