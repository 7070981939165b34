"""What every store must do, as a suite that anyone's store can pass.

```python
class TestMyStore(StoreContract):
    def open_store(self, place: Path) -> TokenStore:
        return MyStore(place / "logins.db")
```
"""

from __future__ import annotations

from traktauth.testing.locking import LockContract
from traktauth.testing.records import RecordContract
from traktauth.testing.rights import RightsContract


class StoreContract(RightsContract, LockContract, RecordContract):
    """Subclass it as `Test…` and give it `open_store`; pytest runs every promise against your store."""
