"""Requests that schemathesis makes up from `/openapi.json`."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from support.engines import CHECKOUT


@pytest.mark.slow
def test_made_up_requests_get_only_responses_that_openapi_describes():
    """On both profiles; afterwards a login still works."""
    command = [sys.executable, CHECKOUT / "soak" / "fuzz.py", "1000", "--each", "20"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.search(r"(\d+) x 200", done.stdout)[1]) > 20, "what is true gets through"
