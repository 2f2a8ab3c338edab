//! Spreads buckets over front doors by keyed weighted rendezvous. Pure.
