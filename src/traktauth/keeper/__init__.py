"""Keep the tokens of many accounts fresh: refresh what is due, within the service's rate limit.

```python
from traktauth.keeper import refresh_due

summary = await refresh_due("postgresql://…", app=app, limit=500)  # from cron, Celery or a Kubernetes job
```
"""

from traktauth.keeper.config import KeeperConfig, RateLimit
from traktauth.keeper.events import (
    Delayed,
    Event,
    Expired,
    Expiring,
    Outage,
    Recovered,
    Refreshed,
    Resumed,
    Stalled,
    Summary,
    Unconfirmed,
    Unsaved,
)
from traktauth.keeper.keeper import Keeper, refresh_due

__all__ = [
    "Delayed",
    "Event",
    "Expired",
    "Expiring",
    "Keeper",
    "KeeperConfig",
    "Outage",
    "RateLimit",
    "Recovered",
    "Refreshed",
    "Resumed",
    "Stalled",
    "Summary",
    "Unconfirmed",
    "Unsaved",
    "refresh_due",
]
