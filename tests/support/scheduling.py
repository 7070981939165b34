"""A pytest plugin for the order in which the tests of a parallel run start.

pytest-xdist gives a process one file after another, those with many tests first. The slow tests are in files with few
tests, so a run would end with one process at work. Here the slow files begin, and tests that share nothing are spread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer

SPREAD = (
    "tests/adapters/test_environments.py",
    "tests/lab/test_command.py",
    "tests/proof/test_crash.py",
    "tests/proof/test_hosts.py",
    "tests/proof/test_kill.py",
    "tests/proof/test_rounds.py",
    "tests/proof/test_simulator.py",
    "tests/server/test_fuzzing.py",
    "tests/server/test_state_machine.py",
    "tests/testing/test_plugin.py",
)
"""Files whose tests take seconds each and share no fixture that is expensive: each test is scheduled by itself."""


class SlowFirst(LoadScopeScheduling):
    """A scheduler of files in the order of the collection, and of single tests for the files in `SPREAD`."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return nodeid if file in SPREAD else file


class Scheduling:
    """Hooks that exist only where pytest-xdist is installed and distributes."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Producer) -> Any:
        """Return the scheduler of `--dist loadfile`."""
        if config.getoption("dist") != "loadfile":
            return None
        config.option.loadscopereorder = False
        return SlowFirst(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files with slow tests first; the order inside a file, and of the others, stays."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    spread = {item.path for item in items if item.nodeid.startswith(SPREAD)}
    items.sort(key=lambda item: (item.path not in spread, item.path not in slow))


def pytest_configure(config: pytest.Config) -> None:
    """Register the hooks of pytest-xdist."""
    config.pluginmanager.register(Scheduling(), "traktauth-scheduling")
