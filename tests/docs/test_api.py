"""`docs/api.md` is what the docstrings say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_api_reference_is_up_to_date():
    done = subprocess.run([sys.executable, CHECKOUT / "scripts" / "api.py", "--check"], check=False)
    assert done.returncode == 0, "run: python scripts/api.py"


def test_the_api_reference_has_no_private_name():
    headings = [line for line in (CHECKOUT / "docs" / "api.md").read_text().splitlines() if line.startswith("#")]
    assert [line for line in headings if "`_" in line or "._" in line] == []
