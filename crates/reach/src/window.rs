//! What came of late, in four bytes.

use crate::bytes::{Reader, Writer};
use crate::score::left;

/// Half of it is forgotten after this time, in seconds: the same at every door, busy or not, so
/// that those of one network can be held against each other.
const HALF_LIFE: f64 = 900.0;
/// Steps of a count in one report.
const STEPS: f64 = 64.0;
/// Counts stay below this; where more come, both are halved.
const MOST: f64 = 1_000.0;

/// The weight of what was tried of late, and of what failed of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Window {
    tries: u16,
    fails: u16,
}

impl Window {
    /// Takes a report in, `passed` seconds after the one before.
    pub(crate) fn add(&mut self, failed: bool, w: f64, passed: u32) {
        let (tries, fails) = self.after(passed);
        let (tries, fails) = (tries + w, if failed { fails + w } else { fails });
        let scale = if tries > MOST { STEPS / 2.0 } else { STEPS };
        self.tries = (tries * scale).round() as u16;
        self.fails = (fails * scale).round() as u16;
    }

    /// The weights of what was tried and of what failed, `passed` seconds after the last report.
    pub(crate) fn after(self, passed: u32) -> (f64, f64) {
        let kept = left(passed, HALF_LIFE) / STEPS;
        (f64::from(self.tries) * kept, f64::from(self.fails) * kept)
    }

    pub(crate) fn write(self, to: &mut Writer) {
        to.u16(self.tries);
        to.u16(self.fails);
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Option<Self> {
        let (tries, fails) = (from.u16()?, from.u16()?);
        (fails <= tries).then_some(Self { tries, fails })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_is_forgotten_in_a_quarter_of_an_hour_and_the_share_stays() {
        let mut window = Window::default();
        (0..5_000).for_each(|n| window.add(n % 4 == 0, 1.0, 0));
        let (tries, fails) = window.after(0);
        assert!(tries > 400.0 && (fails / tries - 0.25).abs() < 0.01, "{fails} of {tries}");
        let (later, _) = window.after(900);
        assert!((later / tries - 0.5).abs() < 1e-9);
    }
}
