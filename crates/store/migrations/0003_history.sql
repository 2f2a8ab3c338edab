-- What became of the addresses of front doors, also of those that were given back: our own servers'
-- addresses, never a client's.
CREATE TABLE past_doors (
    frontdoor       TEXT    NOT NULL UNIQUE,
    body            TEXT    NOT NULL                -- JSON
);
