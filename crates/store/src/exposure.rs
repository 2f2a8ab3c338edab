//! Until when front doors may still be known outside. Written before a catalog or a record is, so
//! that no address is released while one that names it is still believed.

use std::collections::BTreeMap;

use damm_fleet::{FrontdoorId, Timestamp};

use crate::Store;
use crate::error::Result;
use crate::record::Exposure;
use crate::rows::{Row, Statement, read_all_by_key};
use crate::tripwire::point;

/// Raises what is known: frontdoor, named_until, resolvable_until, learned_by. SQLite's `max` of a
/// NULL is NULL.
static EXPOSURES: Statement = Statement {
    table: "exposures",
    sql: "INSERT INTO exposures SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3
          FROM json_each(?1)
          WHERE true ON CONFLICT (frontdoor) DO UPDATE SET
          named_until = max(coalesce(named_until, excluded.named_until),
                            coalesce(excluded.named_until, named_until)),
          resolvable_until = max(coalesce(resolvable_until, excluded.resolvable_until),
                                 coalesce(excluded.resolvable_until, resolvable_until)),
          learned_by = max(learned_by, excluded.learned_by)",
};

const PIECE: &str = "SELECT max(frontdoor), '[' || group_concat('[\"' || frontdoor || '\",'
    || coalesce(named_until, 'null') || ',' || coalesce(resolvable_until, 'null')
    || ',' || learned_by || ']') || ']'
    FROM (SELECT * FROM exposures WHERE frontdoor > ?1 ORDER BY frontdoor LIMIT 2000)";

impl Store {
    /// Until when each front door may still be known outside, and to how many.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn exposures(&self) -> Result<BTreeMap<FrontdoorId, Exposure>> {
        let mut all = Vec::new();
        let each = |row: (FrontdoorId, Option<i64>, Option<i64>, u32)| {
            let (door, named, resolvable, learned_by) = row;
            let exposure = Exposure {
                named_until: named.map(Timestamp::from_millis),
                resolvable_until: resolvable.map(Timestamp::from_millis),
                learned_by,
            };
            all.push((door, exposure));
        };
        let mut conn = self.read().await?;
        read_all_by_key(&mut conn, &self.place, "exposures", PIECE, each).await?;
        Ok(all.into_iter().collect())
    }

    /// Raises each moment and number to at least the one given; never lowers one.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn expose(&self, exposures: &[(FrontdoorId, Exposure)]) -> Result<()> {
        let rows = exposures.iter().map(|(door, exposure)| {
            let named = exposure.named_until.map(Timestamp::as_millis);
            let resolvable = exposure.resolvable_until.map(Timestamp::as_millis);
            Row::new(&EXPOSURES, &(door, named, resolvable, exposure.learned_by))
        });
        let rows: Result<Vec<Row>> = rows.collect();
        self.put(point!("expose"), rows?).await
    }
}
