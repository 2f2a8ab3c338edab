-- Who may have told a censor, and who was told of what: buckets of clients, never clients.

-- Each population's split buckets, with what led to them.
CREATE TABLE splittings (
    population      TEXT    NOT NULL PRIMARY KEY,
    body            TEXT    NOT NULL                -- JSON, as the assignment gave it
) WITHOUT ROWID;

-- The buckets that were ever told of each front door that there is.
CREATE TABLE learned (
    frontdoor       TEXT    NOT NULL,
    population      TEXT    NOT NULL,
    bucket          INTEGER NOT NULL,
    PRIMARY KEY (frontdoor, population, bucket)
) WITHOUT ROWID;
