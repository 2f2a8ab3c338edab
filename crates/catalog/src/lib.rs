//! Catalogs that clients are told: canonical bytes, keys, envelopes, verification. Pure.
