"""The tables of a store on a database."""

from __future__ import annotations

from traktauth.errors import StoreFailed

VERSION = 2
TABLE = "traktauth_logins"

LOGINS = f"""
CREATE TABLE {TABLE} (
    realm TEXT NOT NULL,
    client_id TEXT NOT NULL,
    account TEXT NOT NULL,
    revision BIGINT NOT NULL,
    format INTEGER NOT NULL,
    generation BIGINT NOT NULL,
    expires_at DOUBLE PRECISION,
    due_at DOUBLE PRECISION,
    refreshable BOOLEAN NOT NULL,
    moved_to TEXT,
    pending_refresh TEXT,
    notifications TEXT NOT NULL,
    payload TEXT NOT NULL,
    lease_owner TEXT,
    lease_until DOUBLE PRECISION,
    PRIMARY KEY (realm, client_id, account)
)"""
BUDGETS = """
CREATE TABLE traktauth_budgets (
    realm TEXT NOT NULL PRIMARY KEY,
    granted BIGINT NOT NULL,
    used BIGINT NOT NULL,
    used_at DOUBLE PRECISION NOT NULL,
    held_until DOUBLE PRECISION NOT NULL
)"""
INDEXES = (f"CREATE INDEX traktauth_logins_due ON {TABLE} (realm, client_id, due_at) WHERE due_at IS NOT NULL",)
SCHEMA = {TABLE: LOGINS, "traktauth_budgets": BUDGETS}


def check_version(address: str, version: object) -> None:
    """Check that tables are of the version that this program uses.

    Raises:
        StoreFailed: they are of an earlier or a later version.
    """
    if type(version) is not int or version != VERSION:
        raise StoreFailed(
            f"{address} has the schema {version}; this version of traktauth uses schema {VERSION}; it is left as it is",
            hint="Use the version of traktauth that wrote it, or choose another store and sign in again",
        )
