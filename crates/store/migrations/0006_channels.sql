-- What stands in each channel, and what is to stand there.

-- The signed catalog that each bucket is told: written here before it is written anywhere else.
CREATE TABLE editions (
    region          TEXT    NOT NULL,
    population      TEXT    NOT NULL,
    bucket          INTEGER NOT NULL,
    version         INTEGER NOT NULL,
    body            TEXT    NOT NULL,               -- the signed catalog
    PRIMARY KEY (region, population, bucket)
) WITHOUT ROWID;

-- The versions that stand in each channel.
CREATE TABLE channel_objects (
    channel         TEXT    NOT NULL,
    region          TEXT    NOT NULL,
    population      TEXT    NOT NULL,
    bucket          INTEGER NOT NULL,
    version         INTEGER NOT NULL,
    PRIMARY KEY (channel, region, population, bucket)
) WITHOUT ROWID;

-- Channels that could not be brought up to date.
CREATE TABLE channel_lags (
    channel         TEXT    NOT NULL,
    region          TEXT    NOT NULL,
    body            TEXT    NOT NULL,               -- JSON
    PRIMARY KEY (channel, region)
) WITHOUT ROWID;
