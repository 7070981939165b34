"""What every store must do, as a suite that anyone's store can pass.

```python
class TestMyStore(StoreContract):
    def open_store(self, place: Path) -> TokenStore:
        return MyStore(place / "logins.db")
```
"""

from __future__ import annotations

from traktauth.testing.store_contract.locks import LockContract
from traktauth.testing.store_contract.processes import ProcessContract
from traktauth.testing.store_contract.records import RecordContract
from traktauth.testing.store_contract.refreshes import RefreshContract


class StoreContract(RefreshContract, LockContract, RecordContract, ProcessContract):
    """Subclass it as `Test…` and give it `open_store`; pytest runs every promise against your store.

    Some promises are about several processes: the suite forks (not on Windows), and `open_store` is called in the child
    too. For a store that lives in one process set `shared_by_processes = False`.
    """
