"""Stores of a test, closed when it ends."""

from __future__ import annotations

import pytest


class Closing:
    """A base for contracts: `self.opened(store)` returns the store and closes it when the test ends."""

    @pytest.fixture(autouse=True)
    def _close(self):
        self.stores = []
        yield
        for store in self.stores:
            store.close()

    def opened(self, store):
        self.stores.append(store)
        return store
