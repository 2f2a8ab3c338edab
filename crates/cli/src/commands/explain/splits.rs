//! What became of buckets: when they were split, and which doors' blocks led to that.

use damm_assign::{Bucket, Turn};
use damm_fleet::{FrontdoorId, PopulationName, Timestamp};
use damm_store::Store;
use serde::{Deserialize, Serialize};

use crate::exit::Result;
use crate::render::{Line, Style, Table, when};

/// Splits that are looked through, newest first: years of a fleet with many insiders.
const SPLITS: u32 = 100_000;

/// What the engine noted of a split.
#[derive(Deserialize)]
struct Noted {
    population: PopulationName,
    buckets: Turn,
}

/// Something that became of a bucket.
#[derive(Debug, Serialize)]
pub struct Moment {
    at: Timestamp,
    what: &'static str,
    bucket: String,
    /// The door whose block led to it.
    door: Option<FrontdoorId>,
    why: String,
}

/// What became of a bucket, of what it is a part of, and of its parts; oldest first.
///
/// # Errors
///
/// Failures of the store.
pub async fn of(bucket: Bucket, population: &PopulationName, store: &Store) -> Result<Vec<Moment>> {
    let entries = store.audit_of("split", SPLITS).await?;
    let noted = entries.into_iter().rev().filter_map(|entry| {
        let noted: Noted = serde_json::from_value(entry.detail).ok()?;
        let moment = moment(entry.at, &noted.buckets, bucket)?;
        (noted.population == *population).then_some(moment)
    });
    Ok(noted.collect())
}

fn moment(at: Timestamp, turn: &Turn, of: Bucket) -> Option<Moment> {
    let because = |door: &Option<FrontdoorId>| match door {
        Some(door) => format!("{door} was blocked, which few were told of"),
        None => "a front door was blocked, which few were told of".to_owned(),
    };
    let (what, bucket, door, why) = match turn {
        Turn::Split { bucket, ppm, door } => {
            let why = format!("{}: {} likely that one of them told", because(door), percent(*ppm));
            ("split", *bucket, *door, why)
        }
        Turn::Alone { bucket, door } => ("alone", *bucket, *door, because(door)),
        Turn::Merged { bucket } => {
            ("merged", *bucket, None, "nothing was held against its halves any more".to_owned())
        }
    };
    bucket.touches(of).then(|| Moment { at, what, bucket: bucket.to_string(), door, why })
}

/// A probability in millionths, as people read it.
pub fn percent(ppm: u32) -> String {
    format!("{} %", ppm / 10_000)
}

/// The moments in lines.
pub fn table(moments: &[Moment], now: Timestamp) -> Table {
    let mut table = Table::new(&["", "", "", "", ""]).indent(2);
    for moment in moments {
        table.row(vec![
            Line::of(Style::Dim, when::minute(moment.at)),
            Line::of(Style::Dim, when::relative(moment.at, now)),
            Line::of(Style::Bold, moment.what),
            Line::plain(moment.bucket.clone()),
            Line::plain(moment.why.clone()),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use damm_fleet::Seed;

    use super::*;

    #[test]
    fn a_bucket_is_told_of_its_own_splits_and_of_those_above_and_below_it() {
        let door = Seed::from_number(1).frontdoor();
        let [whole, left, right] = ["17", "17/0", "17/1"].map(|b| b.parse::<Bucket>().unwrap());
        let split = Turn::Split { bucket: whole, ppm: 623_000, door: Some(door) };
        let told = moment(Timestamp::EPOCH, &split, left).unwrap();
        assert_eq!((told.what, told.bucket.as_str(), told.door), ("split", "17", Some(door)));
        let why = format!("{door} was blocked, which few were told of: 62 % likely");
        assert!(told.why.starts_with(&why), "{}", told.why);
        let alone = Turn::Alone { bucket: left, door: None };
        assert_eq!(moment(Timestamp::EPOCH, &alone, whole).unwrap().bucket, "17/0");
        assert!(moment(Timestamp::EPOCH, &alone, right).is_none());
        let merged = Turn::Merged { bucket: whole };
        assert_eq!(moment(Timestamp::EPOCH, &merged, right).unwrap().what, "merged");
    }
}
