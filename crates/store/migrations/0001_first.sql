-- The first schema of damm's state.
--
-- Moments are milliseconds since 1970. Bodies are the JSON of the fleet's own types. What must
-- never be altered (history, ledger, audit) is guarded by triggers: no mistake can rewrite it.

-- Single values: the fleet's name, the topology's path and text, the head of the audit log.
CREATE TABLE meta (
    key             TEXT    NOT NULL PRIMARY KEY,
    value           TEXT    NOT NULL
) WITHOUT ROWID;

-- Every blueprint that ever became the target, without its entries. The newest is the target.
CREATE TABLE blueprints (
    generation      INTEGER NOT NULL PRIMARY KEY,
    id              TEXT    NOT NULL UNIQUE,
    parent          TEXT    REFERENCES blueprints (id),
    created_at      INTEGER NOT NULL,
    origin          TEXT    NOT NULL,               -- JSON
    changes         INTEGER NOT NULL,               -- rows in `changes`
    report          TEXT    NOT NULL                -- JSON, as the planner gave it
);

-- The entries in which a blueprint differs from its parent.
CREATE TABLE changes (
    generation      INTEGER NOT NULL REFERENCES blueprints (generation),
    ordinal         INTEGER NOT NULL,               -- the place in the diff
    kind            TEXT    NOT NULL CHECK (kind IN ('node', 'record', 'target', 'catalog')),
    key             TEXT    NOT NULL,               -- JSON
    body            TEXT,                           -- JSON; NULL: no longer there
    UNIQUE (generation, ordinal)
);

-- The target's entries: what all `changes` add up to.
CREATE TABLE desired (
    kind            TEXT    NOT NULL CHECK (kind IN ('node', 'record', 'target', 'catalog')),
    key             TEXT    NOT NULL,               -- JSON
    body            TEXT    NOT NULL,               -- JSON
    UNIQUE (kind, key)
);

-- Every node, front door and egress address that was ever in a target. Ids are not used twice.
CREATE TABLE subjects (
    subject         TEXT    NOT NULL PRIMARY KEY,
    generation      INTEGER NOT NULL REFERENCES blueprints (generation)
) WITHOUT ROWID;

-- Steps, each written before it is made.
CREATE TABLE intents (
    seq             INTEGER NOT NULL PRIMARY KEY,
    blueprint       TEXT    NOT NULL,
    verb            TEXT    NOT NULL,               -- as the contract spells it
    step            TEXT    NOT NULL,
    subject         TEXT,
    object          TEXT    NOT NULL,
    provider        TEXT,
    key             TEXT    NOT NULL,               -- the call's idempotency key
    at              INTEGER NOT NULL
);
CREATE INDEX intents_by_subject   ON intents (subject) WHERE subject IS NOT NULL;
CREATE INDEX intents_by_blueprint ON intents (blueprint);

-- How steps ended; each at most once.
CREATE TABLE outcomes (
    seq             INTEGER NOT NULL PRIMARY KEY REFERENCES intents (seq),
    body            TEXT    NOT NULL,               -- JSON
    at              INTEGER NOT NULL
);

-- Steps without an outcome, kept by triggers so that a start does not walk the whole ledger.
CREATE TABLE unfinished (
    seq             INTEGER NOT NULL PRIMARY KEY REFERENCES intents (seq)
);
CREATE TRIGGER intent_begins AFTER INSERT ON intents BEGIN
    INSERT INTO unfinished VALUES (new.seq);
END;
CREATE TRIGGER intent_ends AFTER INSERT ON outcomes BEGIN
    DELETE FROM unfinished WHERE seq = new.seq;
END;

-- What providers hold for us: at most one row for each subject.
CREATE TABLE resources (
    subject         TEXT    NOT NULL UNIQUE,
    phase           TEXT    NOT NULL,
    body            TEXT    NOT NULL                -- JSON
);

-- Until when a front door may still be known outside.
CREATE TABLE exposures (
    frontdoor       TEXT    NOT NULL PRIMARY KEY,
    named_until     INTEGER,                        -- expiry of the last catalog that names it
    resolvable_until INTEGER                        -- when its last DNS record has left all caches
) WITHOUT ROWID;

-- DNS record sets as they were last written to their servers.
CREATE TABLE applied_records (
    key             TEXT    NOT NULL UNIQUE,        -- JSON
    body            TEXT    NOT NULL,               -- JSON
    at              INTEGER NOT NULL
);

-- Load-balancer targets as they were last written to their balancers.
CREATE TABLE applied_targets (
    key             TEXT    NOT NULL UNIQUE,        -- JSON
    body            TEXT    NOT NULL                -- JSON
);

-- Digests of the orders that were last left for agents.
CREATE TABLE applied_orders (
    node            TEXT    NOT NULL PRIMARY KEY,
    digest          TEXT    NOT NULL
) WITHOUT ROWID;

-- What agents last said: counts, never clients.
CREATE TABLE reports (
    node            TEXT    NOT NULL UNIQUE,
    body            TEXT    NOT NULL                -- JSON
);

-- What is known of accounts.
CREATE TABLE providers (
    name            TEXT    NOT NULL PRIMARY KEY,
    body            TEXT    NOT NULL                -- JSON
) WITHOUT ROWID;

-- What was last published for each region.
CREATE TABLE catalogs (
    region          TEXT    NOT NULL PRIMARY KEY,
    body            TEXT    NOT NULL                -- JSON
) WITHOUT ROWID;

-- What was last published for each bucket.
CREATE TABLE buckets (
    region          TEXT    NOT NULL,
    population      TEXT    NOT NULL,
    bucket          INTEGER NOT NULL,
    body            TEXT    NOT NULL,               -- JSON
    PRIMARY KEY (region, population, bucket)
) WITHOUT ROWID;

-- How reachable front doors are, per client network.
CREATE TABLE verdicts (
    frontdoor       TEXT    NOT NULL UNIQUE,
    body            TEXT    NOT NULL                -- JSON
);

-- Things at providers that carry our tag and that nothing here knows of.
CREATE TABLE orphans (
    provider        TEXT    NOT NULL,
    provider_ref    TEXT    NOT NULL,
    body            TEXT    NOT NULL,               -- JSON
    PRIMARY KEY (provider, provider_ref)
) WITHOUT ROWID;

-- Who did what. Each entry's hash covers the entry and the hash before it; the newest hash stands
-- in `meta` too, so that a cut tail is noticed.
CREATE TABLE audit (
    seq             INTEGER NOT NULL PRIMARY KEY,
    at              INTEGER NOT NULL,
    actor           TEXT    NOT NULL,
    what            TEXT    NOT NULL,
    detail          TEXT    NOT NULL,               -- canonical JSON (RFC 8785)
    hash            TEXT    NOT NULL                -- SHA-256, in hex
);

-- The embedded cloud's own objects.
CREATE TABLE sim_objects (
    key             TEXT    NOT NULL UNIQUE,
    body            TEXT    NOT NULL
);

CREATE TRIGGER blueprints_are_kept BEFORE DELETE ON blueprints BEGIN
    SELECT raise(ABORT, 'blueprints are only appended to');
END;
CREATE TRIGGER blueprints_are_final BEFORE UPDATE ON blueprints BEGIN
    SELECT raise(ABORT, 'blueprints are only appended to');
END;
CREATE TRIGGER changes_are_kept BEFORE DELETE ON changes BEGIN
    SELECT raise(ABORT, 'changes are only appended to');
END;
CREATE TRIGGER changes_are_final BEFORE UPDATE ON changes BEGIN
    SELECT raise(ABORT, 'changes are only appended to');
END;
CREATE TRIGGER subjects_are_kept BEFORE DELETE ON subjects BEGIN
    SELECT raise(ABORT, 'subjects are only appended to');
END;
CREATE TRIGGER subjects_are_final BEFORE UPDATE ON subjects BEGIN
    SELECT raise(ABORT, 'subjects are only appended to');
END;
CREATE TRIGGER intents_are_kept BEFORE DELETE ON intents BEGIN
    SELECT raise(ABORT, 'the ledger is only appended to');
END;
CREATE TRIGGER intents_are_final BEFORE UPDATE ON intents BEGIN
    SELECT raise(ABORT, 'the ledger is only appended to');
END;
CREATE TRIGGER outcomes_are_kept BEFORE DELETE ON outcomes BEGIN
    SELECT raise(ABORT, 'the ledger is only appended to');
END;
CREATE TRIGGER outcomes_are_final BEFORE UPDATE ON outcomes BEGIN
    SELECT raise(ABORT, 'the ledger is only appended to');
END;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit BEGIN
    SELECT raise(ABORT, 'the audit log is only appended to');
END;
CREATE TRIGGER audit_is_final BEFORE UPDATE ON audit BEGIN
    SELECT raise(ABORT, 'the audit log is only appended to');
END;

-- The empty blueprint that every fleet starts from: `Blueprint::genesis` of id 0 at the epoch.
INSERT INTO blueprints VALUES (0, 'bp-000000000000', NULL, 0, '"genesis"', 0, 'null');
