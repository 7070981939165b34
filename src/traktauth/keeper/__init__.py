"""A fleet's tokens kept fresh: what is due, at what pace, by whom.

```python
from traktauth.keeper import renew_due

summary = await renew_due("postgresql://…", app=app, limit=500)  # from cron, Celery, a Kubernetes job, at any moment
```
"""

from traktauth.keeper.events import (
    Dead,
    Delayed,
    Dying,
    Event,
    Outage,
    Recovered,
    Renewed,
    Resumed,
    Stalled,
    Unconfirmed,
    Unsaved,
)
from traktauth.keeper.keeper import Keeper
from traktauth.keeper.plan import Pace, Plan
from traktauth.keeper.step import renew_due
from traktauth.keeper.tally import Summary

__all__ = [
    "Dead",
    "Delayed",
    "Dying",
    "Event",
    "Keeper",
    "Outage",
    "Pace",
    "Plan",
    "Recovered",
    "Renewed",
    "Resumed",
    "Stalled",
    "Summary",
    "Unconfirmed",
    "Unsaved",
    "renew_due",
]
