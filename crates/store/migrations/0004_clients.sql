-- Whom invitations let in, and who came: numbers, with nothing of who they are or where from.

CREATE TABLE invitations (
    hash            TEXT    NOT NULL PRIMARY KEY,   -- of the code, which only its holder knows
    body            TEXT    NOT NULL                -- JSON
) WITHOUT ROWID;

-- Clients that enrolled. Those whose credentials the operator made are not here.
CREATE TABLE clients (
    number          INTEGER NOT NULL PRIMARY KEY,   -- the credential's
    mark            TEXT    NOT NULL UNIQUE,        -- a hash: who enrols so again is found
    body            TEXT    NOT NULL                -- JSON: population, trust, day of enrolment
);

-- How much of each population's rate is used.
CREATE TABLE enrol_rates (
    population      TEXT    NOT NULL PRIMARY KEY,
    body            TEXT    NOT NULL                -- JSON
) WITHOUT ROWID;
