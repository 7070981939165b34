"""Tests that are coroutines, on virtual time, about a fleet."""

from __future__ import annotations

from keeper.fleet_setup import Fleet
from support.virtual import run


def scenario(*args, **kwargs):
    """Make a test of a coroutine that runs on virtual time with a fleet."""

    def make(test):
        def wrapped():
            async def main():
                fleet = Fleet(*args, **kwargs)
                await fleet.sign_everybody_in()
                try:
                    await test(fleet)
                finally:
                    for mortal in fleet.mortals:
                        mortal.bury()

            run(main())

        wrapped.__name__ = test.__name__
        return wrapped

    return make
