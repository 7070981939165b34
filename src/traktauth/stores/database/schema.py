"""The tables of a store on a database, and how those of an earlier version become the present ones."""

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

# New names of columns by the version that brought them. Rows keep the format that they were written in: a record is
# migrated when it is read (`traktauth.stores.record_migrations`).
RENAMED_COLUMNS = {
    2: {
        "renewable": "refreshable",
        "moved": "moved_to",
        "renewal": "pending_refresh",
        "told": "notifications",
        "rest": "payload",
    },
}
MIGRATIONS = {
    version: [f"ALTER TABLE {TABLE} RENAME COLUMN {old} TO {new}" for old, new in names.items()]
    for version, names in RENAMED_COLUMNS.items()
}


def migrations_from(version: int) -> list[str]:
    """Return the statements that make the tables of an earlier version the present ones, in order."""
    return [statement for step in range(version + 1, VERSION + 1) for statement in MIGRATIONS[step]]


def count_leases(clock: str, longest_lease: float) -> str:
    """Return the statement that counts the logins that a program is refreshing.

    Args:
        clock: the time that leases go by, in seconds, as an expression.
        longest_lease: seconds.
    """
    return f"SELECT count(*) FROM {TABLE} WHERE lease_until BETWEEN {clock} AND {clock} + {longest_lease}"


def check_version(address: str, version: object) -> None:
    """Check that tables of a version can be used, or migrated.

    Raises:
        StoreFailed: they cannot.
    """
    if type(version) is not int or not 1 <= version <= VERSION:
        raise StoreFailed(
            f"{address} has the schema {version}; this version of traktauth knows 1 to {VERSION}; it is left as it is",
            hint="Use the version of traktauth that wrote it, or a later one",
        )


def in_use_by_earlier_version(address: str) -> StoreFailed:
    """Return why tables are not migrated: a program of an earlier version could not save the token that it gets."""
    failed = StoreFailed(
        f"{address} was made by an earlier version of traktauth, and a program of that version is refreshing a login",
        hint="Stop every program that uses this store, and try again in a minute",
    )
    failed.temporary = True
    return failed
