"""The attributes that each record of the logger `traktauth` has, for filters and structured logs."""

from __future__ import annotations


def log_fields(
    event: str, *, reason: str = "", generation: int | None = None, account: str = "", service: str = ""
) -> dict[str, object]:
    """Return the `extra` of a log record.

    Args:
        event: a word for what happened; `docs/logging.md` lists them.
        reason: why, as a word; empty if there is only one reason.
        generation: of the login's token; None if the record is about none.
        account: the user's own name for the account; empty if the record is about none.
        service: the service's realm; empty if the record is about no login.
    """
    return {"account": account, "service": service, "event": event, "reason": reason, "generation": generation}
