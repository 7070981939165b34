"""What every store must do, as a suite that anyone's store can pass.

```python
class TestMyStore(StoreContract):
    def open_store(self, place: Path) -> TokenStore:
        return MyStore(place / "logins.db")
```
"""

from __future__ import annotations

from traktauth.testing.store_contract.locks import LockContract
from traktauth.testing.store_contract.records import RecordContract
from traktauth.testing.store_contract.refreshes import RefreshContract


class StoreContract(RefreshContract, LockContract, RecordContract):
    """Subclass it as `Test…` and give it `open_store`; pytest runs every promise against your store."""
