-- A store as version 1 of the tables had it, with one run.
CREATE TABLE runs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    owner TEXT,
    client TEXT NOT NULL,
    tool TEXT NOT NULL,
    name TEXT,
    params TEXT NOT NULL,
    input TEXT,
    status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'completed', 'failed', 'canceled')),
    priority INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    completed_at INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    report TEXT,
    failure TEXT,
    cache_key TEXT,
    idempotency_key TEXT,
    logs_dropped INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX runs_by_status ON runs (status, seq);
CREATE INDEX runs_by_cache_key ON runs (cache_key) WHERE cache_key IS NOT NULL;
CREATE UNIQUE INDEX runs_by_idempotency_key ON runs (COALESCE(owner, client), idempotency_key)
    WHERE idempotency_key IS NOT NULL;

CREATE TABLE logs (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    level TEXT NOT NULL,
    source TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;

CREATE TABLE artifacts (
    id TEXT NOT NULL PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (run, name)
);

CREATE TABLE uploads (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT,
    filename TEXT NOT NULL,
    size INTEGER,
    sha256 TEXT,
    state TEXT NOT NULL CHECK (state IN ('open', 'complete')),
    created_at INTEGER NOT NULL
);

INSERT INTO runs (id, client, tool, params, status, priority, created_at, started_at, completed_at, attempts, report, cache_key)
VALUES ('a', 'me', 'rlog-to-csv', '{"rlog":"/a"}', 'completed', 0, 1, 2, 3, 1, '{}', 'k');
PRAGMA user_version = 1;
