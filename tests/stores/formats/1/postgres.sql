BEGIN;
CREATE TABLE traktauth_logins (
    realm TEXT NOT NULL,
    client_id TEXT NOT NULL,
    account TEXT NOT NULL,
    revision BIGINT NOT NULL,
    format INTEGER NOT NULL,
    generation BIGINT NOT NULL,
    expires_at DOUBLE PRECISION,
    due_at DOUBLE PRECISION,
    renewable BOOLEAN NOT NULL,
    moved TEXT,
    renewal TEXT,
    told TEXT NOT NULL,
    rest TEXT NOT NULL,
    lease_owner TEXT,
    lease_until DOUBLE PRECISION,
    PRIMARY KEY (realm, client_id, account)
);
CREATE TABLE traktauth_budgets (
    realm TEXT NOT NULL PRIMARY KEY,
    granted BIGINT NOT NULL,
    used BIGINT NOT NULL,
    used_at DOUBLE PRECISION NOT NULL,
    held_until DOUBLE PRECISION NOT NULL
);
CREATE INDEX traktauth_logins_due ON traktauth_logins (realm, client_id, due_at) WHERE due_at IS NOT NULL;
ALTER TABLE traktauth_logins SET (fillfactor = 70);
CREATE TABLE traktauth_schema AS SELECT 1 AS version;
COMMIT;
