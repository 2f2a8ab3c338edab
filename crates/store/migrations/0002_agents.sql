-- What the controller and the agents on the nodes know of each other.

-- Agents that have joined.
CREATE TABLE agents (
    node            TEXT    NOT NULL UNIQUE,
    sequence        INTEGER NOT NULL,               -- no request up to this one is taken after a start
    body            TEXT    NOT NULL                -- JSON: keys, attempt, last words; never a client
);

-- Each agent's place among the addresses of its region's overlay.
CREATE TABLE seats (
    node            TEXT    NOT NULL UNIQUE,
    region          TEXT    NOT NULL,
    place           INTEGER NOT NULL CHECK (place BETWEEN 0 AND 65535),
    UNIQUE (region, place)
);

-- What stands in each agent's config, as digests.
CREATE TABLE agent_configs (
    node            TEXT    NOT NULL UNIQUE,
    generation      INTEGER NOT NULL,
    body            TEXT    NOT NULL                -- JSON
);
CREATE TRIGGER agent_configs_only_rise BEFORE UPDATE ON agent_configs
WHEN new.generation <= old.generation BEGIN
    SELECT raise(ABORT, 'a generation only rises');
END;

-- The last orders for each node.
CREATE TABLE node_orders (
    node            TEXT    NOT NULL UNIQUE,
    body            TEXT    NOT NULL                -- JSON
);

-- What clients prove themselves with, as ingress nodes know it; never what a client itself keeps.
-- Numbers are not used twice.
CREATE TABLE credentials (
    number          INTEGER NOT NULL PRIMARY KEY,
    body            TEXT                            -- JSON; NULL: revoked
);
CREATE TRIGGER credentials_are_kept BEFORE DELETE ON credentials BEGIN
    SELECT raise(ABORT, 'numbers of credentials are not used twice');
END;
