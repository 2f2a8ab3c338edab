//! How often each credential speaks, so that nobody counts more for speaking more.
//!
//! Every credential is meant to report at the same cadence. Whoever reports more often than half of
//! them do is counted so much less, and all of its reports together weigh no more than theirs.
//!
//! Nothing here outlives a day, and there is nothing of a client in it: a reporter is a number that
//! the caller draws with a key of its own and changes with each of [`Settings::period`].
//!
//! [`Settings::period`]: crate::Settings::period

use crate::bytes::{Reader, Writer};
use crate::score::left;

/// Half of a credential's count is forgotten after this time, in seconds: long enough to know its
/// cadence from a dozen reports, short enough for a new cadence to show.
const HALF_LIFE: f64 = 6.0 * 3_600.0;
/// Minutes after which a credential that said nothing is forgotten.
const FORGOTTEN: u32 = 24 * 60;
/// Below so many known credentials there is no cadence to compare with.
const FEW: usize = 30;
/// Steps of a count in one report.
const STEPS: f64 = 64.0;

/// One credential in eight bytes: a piece of its number, its count, and when it last spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Voice {
    /// Zero in an empty place.
    tag: u32,
    count: u16,
    /// Minutes, of which the upper bits are cut off; two credentials are never a day apart.
    minute: u16,
}

/// All credentials that spoke within a day: a table with open addressing, at most two thirds full.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Voices {
    places: Vec<Voice>,
    taken: usize,
    /// The usual count; zero while it is not known.
    usual: f64,
}

impl Default for Voices {
    fn default() -> Self {
        Self { places: vec![Voice::default(); 64], taken: 0, usual: 0.0 }
    }
}

impl Voices {
    /// Counts a report of this credential, and tells what it weighs, from 0 to 1.
    pub(crate) fn speak(&mut self, reporter: u64, now: u32) -> f64 {
        let tag = tag_of(reporter);
        let at = self.place(tag);
        let minute = now / 60;
        let voice = &mut self.places[at];
        if voice.tag == 0 {
            self.taken += 1;
            *voice = Voice { tag, count: 0, minute: minute as u16 };
        }
        let passed = u32::from((minute as u16).wrapping_sub(voice.minute));
        let count = f64::from(voice.count) / STEPS * left(passed * 60, HALF_LIFE) + 1.0;
        voice.count = (count * STEPS) as u16;
        voice.minute = minute as u16;
        if self.taken * 3 > self.places.len() * 2 {
            self.rebuild(minute);
        }
        match self.usual > 0.0 {
            true => (self.usual / count).min(1.0),
            false => 1.0,
        }
    }

    /// Forgets who was silent for a day, and learns the usual count anew. Due every hour or so.
    pub(crate) fn sweep(&mut self, now: u32) {
        let minute = now / 60;
        self.rebuild(minute);
        let mut counts: Vec<u32> = self.counts(minute).collect();
        self.usual = match counts.len() < FEW {
            true => 0.0,
            false => {
                let middle = counts.len() / 2;
                let (_, median, _) = counts.select_nth_unstable(middle);
                // A report later this one is counted too.
                f64::from(*median) / STEPS + 1.0
            }
        };
    }

    fn counts(&self, minute: u32) -> impl Iterator<Item = u32> {
        let taken = self.places.iter().filter(|v| v.tag != 0);
        taken.map(move |v| {
            let passed = u32::from((minute as u16).wrapping_sub(v.minute));
            (f64::from(v.count) * left(passed * 60, HALF_LIFE)) as u32
        })
    }

    fn place(&self, tag: u32) -> usize {
        let mask = self.places.len() - 1;
        let mut at = tag as usize & mask;
        while self.places[at].tag != 0 && self.places[at].tag != tag {
            at = (at + 1) & mask;
        }
        at
    }

    /// Moves everyone who spoke within a day into a table of the right size.
    fn rebuild(&mut self, minute: u32) {
        let fresh =
            |v: &Voice| u32::from((minute as u16).wrapping_sub(v.minute)) < FORGOTTEN && v.tag != 0;
        let kept: Vec<Voice> = self.places.iter().copied().filter(fresh).collect();
        let size = (kept.len() * 3 / 2 + 32).next_power_of_two();
        self.places = vec![Voice::default(); size];
        self.taken = kept.len();
        for voice in kept {
            let at = self.place(voice.tag);
            self.places[at] = voice;
        }
    }

    /// Bytes that the table takes.
    pub(crate) const fn bytes(&self) -> usize {
        self.places.len() * size_of::<Voice>()
    }

    pub(crate) fn write(&self, to: &mut Writer) {
        let mut all: Vec<&Voice> = self.places.iter().filter(|v| v.tag != 0).collect();
        all.sort_unstable_by_key(|v| v.tag);
        to.f64(self.usual);
        to.count(all.len());
        for voice in all {
            to.u32(voice.tag);
            to.u16(voice.count);
            to.u16(voice.minute);
        }
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Option<Self> {
        let usual = from.f64()?;
        let taken = from.count(8)?;
        let size = (taken * 3 / 2 + 32).next_power_of_two();
        let mut voices = Self { places: vec![Voice::default(); size], taken, usual };
        for _ in 0..taken {
            let voice = Voice { tag: from.u32()?, count: from.u16()?, minute: from.u16()? };
            let at = voices.place(voice.tag);
            // Twice the same, or none: not what was written.
            if voice.tag == 0 || voices.places[at].tag != 0 {
                return None;
            }
            voices.places[at] = voice;
        }
        Some(voices)
    }
}

/// A piece of a reporter's number that is never zero.
fn tag_of(reporter: u64) -> u32 {
    ((mix(reporter) >> 32) as u32).max(1)
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): spreads numbers that lie
/// together. Who could aim at a place would need the key that reporters' numbers are drawn with.
pub(crate) const fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 70 speak every 50 minutes, 30 every 10 minutes, for a day.
    fn a_day() -> Voices {
        let mut voices = Voices::default();
        for minute in 0..1_440 {
            for who in 0..100u64 {
                let every = if who < 70 { 50 } else { 10 };
                if (minute + who * 7) % every == 0 {
                    voices.speak(who, minute as u32 * 60);
                }
            }
            if minute % 60 == 0 {
                voices.sweep(minute as u32 * 60);
            }
        }
        voices
    }

    #[test]
    fn who_speaks_five_times_as_often_counts_a_fifth_each_time() {
        let mut voices = a_day();
        assert!(voices.speak(3, 1_440 * 60) > 0.9);
        let often = voices.speak(80, 1_440 * 60);
        assert!((0.15..0.26).contains(&often), "{often}");
    }

    #[test]
    fn who_is_silent_for_a_day_is_forgotten() {
        let mut voices = a_day();
        voices.sweep(2 * 1_440 * 60);
        assert_eq!(voices.taken, 0);
    }

    #[test]
    fn the_table_reads_back_as_it_was_written() {
        let voices = a_day();
        let mut to = Writer::default();
        voices.write(&mut to);
        let bytes = to.done();
        let mut back = Voices::read(&mut Reader::of(&bytes)).unwrap();
        let mut again = Writer::default();
        back.write(&mut again);
        assert_eq!(bytes, again.done());
        assert_eq!(voices.clone().speak(80, 90_000), back.speak(80, 90_000));
    }
}
