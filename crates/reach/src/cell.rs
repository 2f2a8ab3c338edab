//! What is known of one door from one network, in 64 bytes.

use damm_fleet::State;

use crate::bytes::{Reader, Writer};
use crate::fixed::{Fixed, Swing};
use crate::score::{self, Pair, left};
use crate::settings::Tuned;
use crate::voice::mix;
use crate::window::Window;

/// Half of the count of recent reports is forgotten after this time, in seconds.
const RECENT: f64 = 1_800.0;
/// A score stays at most so far above the threshold, so that what is over is over soon.
pub(crate) const HEADROOM: f64 = 8.0;
/// How fast the failure rate of a block is learned: by so much of the difference at each report.
const LEARNING: f64 = 1.0 / 32.0;
/// What is taken for a block's failure rate before anything is learned of it.
const FIRST_GUESS: f64 = 0.9;
/// The share of reports that may still tell of a block that is over, or of a success before it is.
const LINGERING: f64 = 0.05;
/// No block is taken to stop more than this.
const SURELY: f64 = 0.95;
/// The share of its usual successes that a silent cell would still have if it were blocked.
const SILENT_SHARE: f64 = 0.2;

/// What a tick's missing reports say at most, in nats: less than what as many present ones do.
const MISSED: f64 = 30.0;

/// One door from one network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cell {
    /// Evidence for a block, in nats.
    pub(crate) hard: Fixed,
    /// Evidence for throttling.
    pub(crate) soft: Fixed,
    /// Reports that the baseline rests on, with half of them forgotten after its memory.
    pub(crate) tries: f32,
    /// How many of these failed.
    pub(crate) fails: f32,
    /// Reports of the last hour or so.
    pub(crate) recent: f32,
    /// What came in the last minutes.
    pub(crate) late: Window,
    /// When the last one came, in seconds.
    pub(crate) at: u32,
    /// Since when the state is what it is.
    pub(crate) since: u32,
    /// Who failed and did not get through since: a bit for each 64th of all reporters.
    pub(crate) failed: u64,
    /// Who reported in this period and in the one before, in the same way.
    pub(crate) seen: [u64; 2],
    /// Evidence that a block is over.
    pub(crate) cured: Fixed,
    /// How often attempts fail while it lasts.
    pub(crate) stays: Fixed,
    /// Evidence of vantage points for a block.
    pub(crate) probed: Fixed,
    /// Evidence from reports that don't come; below zero only between two ticks.
    pub(crate) silent: Swing,
    pub(crate) state: State,
    pub(crate) flags: u8,
    /// Which period `seen` is of; its upper bits are cut off.
    pub(crate) period: u16,
}

/// The cell was blocked once.
const WAS_BLOCKED: u8 = 1;
/// From this bit of the flags on stands what was last told of the cell.
const TOLD: u8 = 4;

impl Cell {
    pub(crate) fn new(now: u32) -> Self {
        Self {
            hard: Fixed::default(),
            soft: Fixed::default(),
            tries: 0.0,
            fails: 0.0,
            recent: 0.0,
            late: Window::default(),
            at: now,
            since: now,
            failed: 0,
            seen: [0; 2],
            cured: Fixed::default(),
            stays: Fixed::of(FIRST_GUESS),
            probed: Fixed::default(),
            silent: Swing::default(),
            state: State::Unknown,
            flags: 0,
            period: 0,
        }
    }

    /// The failure rate of the cell when all is well, drawn towards its network's.
    pub(crate) fn baseline(&self, usual: f64, settings: &Tuned) -> f64 {
        let k = settings.shrinkage;
        (f64::from(self.fails) + k * usual) / (f64::from(self.tries) + k)
    }

    /// Whether something looks wrong, so that nothing is learned from it as usual.
    pub(crate) fn is_suspect(&self, settings: &Tuned) -> bool {
        self.hard.get() >= settings.frozen || self.is_blocked()
    }

    /// Whether it is taken to be blocked.
    pub(crate) fn is_blocked(&self) -> bool {
        self.state == State::Blocked
    }

    /// The weights of what was tried and of what failed in the last minutes.
    pub(crate) fn of_late(&self, now: u32) -> (f64, f64) {
        self.late.after(now.saturating_sub(self.at))
    }

    /// Whether it was blocked, and came free.
    pub(crate) const fn was_blocked(&self) -> bool {
        self.flags & WAS_BLOCKED != 0
    }

    /// What was last told of the cell outside.
    pub(crate) fn told(&self) -> State {
        state_of(self.flags >> TOLD).unwrap_or_default()
    }

    pub(crate) fn tell(&mut self, state: State) {
        self.flags = self.flags & ((1 << TOLD) - 1) | (state as u8) << TOLD;
    }

    /// Takes a report of weight `w` in, where `b` is how often attempts fail now if all is well.
    /// Returns what it weighs in the country's score.
    pub(crate) fn score(&mut self, failed: bool, w: f64, bit: u64, b: f64, s: &Tuned) -> f64 {
        let novel = match failed && self.failed & bit != 0 {
            true => w * s.repeat,
            false => w,
        };
        self.hard.climb(novel * hard_pair(b, s).said(failed), s.h + HEADROOM);
        match failed {
            true => self.failed |= bit,
            false => self.failed &= !bit,
        }
        self.score_soft(failed, w, b, s);
        self.score_recovery(failed, w, b);
        novel
    }

    /// The soft score alone: for stalls that only throttling explains.
    pub(crate) fn score_soft(&mut self, failed: bool, w: f64, b: f64, s: &Tuned) {
        self.soft.climb(w * soft_pair(b, s).said(failed), s.h + HEADROOM);
    }

    fn score_recovery(&mut self, failed: bool, w: f64, b: f64) {
        if self.state != State::Blocked {
            return;
        }
        let stays = self.stays.get();
        let q0 = score::contaminated(b, LINGERING);
        let pair = Pair::of(q0, ((1.0 - LINGERING) * stays.min(SURELY)).max(q0 + 0.1));
        self.cured.add(-w * pair.said(failed));
        let told = if failed { 1.0 } else { 0.0 };
        self.stays = Fixed::of((stays + w * LEARNING * (told - stays)).max(0.5));
    }

    /// Learns what is usual.
    pub(crate) fn learn(&mut self, failed: bool, w: f64, now: u32, s: &Tuned) {
        let kept = left(now.saturating_sub(self.at), s.memory.as_secs_f64());
        self.tries = (f64::from(self.tries) * kept + w) as f32;
        self.fails = (f64::from(self.fails) * kept + if failed { w } else { 0.0 }) as f32;
    }

    /// Counts a report as recent, and as the last.
    pub(crate) fn touch(&mut self, w: f64, now: u32) {
        self.silent.add(w * SILENT_SHARE.ln());
        self.recent = (self.recent_at(now) + w) as f32;
        self.at = self.at.max(now);
    }

    /// The same for a report that says whether it got through.
    pub(crate) fn count(&mut self, failed: bool, w: f64, now: u32) {
        self.late.add(failed, w, now.saturating_sub(self.at));
        self.touch(w, now);
    }

    /// The weight of the reports of the last hour or so.
    pub(crate) fn recent_at(&self, now: u32) -> f64 {
        f64::from(self.recent) * left(now.saturating_sub(self.at), RECENT)
    }

    /// Successes that would have come by now if all were well, and did not.
    pub(crate) fn miss(&mut self, expected: f64) {
        let missed = (expected * (1.0 - SILENT_SHARE)).min(MISSED);
        self.silent = Swing::of((self.silent.get() + missed).max(0.0));
    }

    /// Forgets how many reports come, and not how many of them fail.
    pub(crate) fn unlearn(&mut self) {
        let kept = self.tries.recip().min(1.0);
        (self.tries, self.fails) = (self.tries * kept, self.fails * kept);
    }

    /// Takes a vantage point's word.
    pub(crate) fn probe(&mut self, through: bool, b: f64, s: &Tuned) {
        let pair = Pair::of(b.clamp(0.02, 0.9), s.blocked_share);
        let add = pair.said(!through);
        self.probed = Fixed::of((self.probed.get() + add).min(PROBES_AT_MOST));
    }

    /// Changes the state.
    pub(crate) fn become_state(&mut self, state: State, now: u32) {
        if self.state == State::Blocked {
            self.acquit();
            self.flags |= WAS_BLOCKED;
        }
        if state == State::Blocked {
            (self.cured, self.stays) = (Fixed::default(), Fixed::of(FIRST_GUESS));
        }
        (self.state, self.since) = (state, now);
    }

    /// Forgets what was held against the door.
    pub(crate) fn acquit(&mut self) {
        (self.hard, self.soft, self.failed) = (Fixed::default(), Fixed::default(), 0);
        (self.silent, self.probed) = (Swing::default(), Fixed::default());
        self.late = Window::default();
    }

    pub(crate) fn write(&self, to: &mut Writer) {
        for n in [self.hard, self.soft] {
            to.u16(n.0);
        }
        for n in [self.tries, self.fails, self.recent] {
            to.f32(n);
        }
        self.late.write(to);
        to.u32(self.at);
        to.u32(self.since);
        for n in [self.failed, self.seen[0], self.seen[1]] {
            to.u64(n);
        }
        for n in [self.cured, self.stays, self.probed] {
            to.u16(n.0);
        }
        to.u16(self.silent.0 as u16);
        to.u8(self.state as u8);
        to.u8(self.flags);
        to.u16(self.period);
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            hard: Fixed(from.u16()?),
            soft: Fixed(from.u16()?),
            tries: from.f32()?,
            fails: from.f32()?,
            recent: from.f32()?,
            late: Window::read(from)?,
            at: from.u32()?,
            since: from.u32()?,
            failed: from.u64()?,
            seen: [from.u64()?, from.u64()?],
            cured: Fixed(from.u16()?),
            stays: Fixed(from.u16()?),
            probed: Fixed(from.u16()?),
            silent: Swing(from.u16()? as i16),
            state: state_of(from.u8()?)?,
            flags: from.u8()?,
            period: from.u16()?,
        })
    }
}

/// A vantage point's word is worth at most this, in nats.
const PROBES_AT_MOST: f64 = 12.0;
/// The bytes of a cell in a snapshot, and in memory.
pub(crate) const CELL_BYTES: usize = 64;
const _: () = assert!(size_of::<Cell>() == CELL_BYTES, "a cell fits one cache line");

/// Adds to a score, between 0 and its end.
pub(crate) fn climb(score: f32, add: f64, end: f64) -> f32 {
    (f64::from(score) + add).clamp(0.0, end) as f32
}

/// What a report says for a block.
pub(crate) fn hard_pair(b: f64, s: &Tuned) -> Pair {
    Pair::of(score::contaminated(b, s.liars), (1.0 - s.liars) * s.blocked_share)
}

/// What a report says for throttling.
pub(crate) fn soft_pair(b: f64, s: &Tuned) -> Pair {
    let q0 = score::contaminated(b, s.soft_liars);
    Pair::of(q0, (q0 + s.soft_rise).min(0.97))
}

/// The bit of a reporter at one door.
pub(crate) const fn bit_of(reporter: u64, door: u64) -> u64 {
    1 << (mix(reporter ^ mix(door)) & 63)
}

fn state_of(n: u8) -> Option<State> {
    let all = [State::Unknown, State::Reachable, State::Degraded, State::Blocked, State::Down];
    all.into_iter().find(|state| *state as u8 == n)
}
