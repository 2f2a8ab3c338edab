//! Weights of doors by their load: the fuller, the fewer buckets are told of them.

/// The weight of a door that has all its room left. Weights are whole steps of it.
pub const FULL_WEIGHT: u32 = 8;

/// By how much of a step a load has to pass a border before the weight follows, in hundredths: a
/// load that swings about a border moves nobody.
const SLACK: u64 = 50;

/// The weight of a door by the part of its room that is taken, in steps of an eighth.
///
/// A change by one step moves an eighth of the door's buckets at most, and none that don't hold it:
/// weighted rendezvous moves no more than it must (Schindelhauer and Schomaker, SPAA 2005). The
/// weight before is kept until the load is half a step past its border. No door's weight falls to
/// 0, which would tell nobody of it: full doors are for the planner to mend.
///
/// `capacity` is what the door can hold, in the unit of `load`; 0 where it is not known, and then
/// the weight is as of an empty one.
pub fn weight(load: u64, capacity: u64, before: Option<u32>) -> u32 {
    if capacity == 0 {
        return FULL_WEIGHT;
    }
    // In hundredths of a step, of what is free.
    let steps = u64::from(FULL_WEIGHT) * 100;
    let free =
        steps - (load.min(capacity) as u128 * u128::from(steps) / u128::from(capacity)) as u64;
    let plain = free.div_ceil(100).clamp(1, u64::from(FULL_WEIGHT)) as u32;
    match before.filter(|b| (1..=FULL_WEIGHT).contains(b)) {
        Some(before) if near(free, before) => before,
        _ => plain,
    }
}

/// Whether what is free lies within a weight's own step, or not far beside it.
fn near(free: u64, weight: u32) -> bool {
    let (low, high) = (u64::from(weight - 1) * 100, u64::from(weight) * 100);
    free + SLACK > low && free <= high + SLACK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_door_has_an_eighth_of_the_weight_of_an_empty_one() {
        let weights = [0, 1, 12, 13, 50, 87, 88, 100, 900].map(|load| weight(load, 100, None));
        assert_eq!(weights, [8, 8, 8, 7, 4, 2, 1, 1, 1]);
    }

    #[test]
    fn what_is_not_known_weighs_like_an_empty_one() {
        assert_eq!(weight(u64::MAX, 0, Some(2)), FULL_WEIGHT);
        assert_eq!(weight(u64::MAX, u64::MAX, None), 1);
    }

    #[test]
    fn a_load_that_swings_about_a_border_moves_nobody() {
        let mut held = weight(50, 100, None);
        let first = held;
        for swing in [47, 53, 49, 55, 46, 51, 50, 48, 54] {
            held = weight(swing, 100, Some(held));
            assert_eq!(held, first, "at {swing}");
        }
        assert_ne!(weight(70, 100, Some(first)), first);
        assert_ne!(weight(40, 100, Some(first)), first);
    }

    #[test]
    fn a_weight_follows_the_load_all_the_way_up_and_down() {
        let all = || (0..=1_000).chain((0..=1_000).rev());
        let (mut held, mut steps) = (FULL_WEIGHT, 0);
        for load in all() {
            let next = weight(load, 1_000, Some(held));
            assert!(next.abs_diff(held) <= 1, "from {held} to {next} at {load}");
            steps += usize::from(next != held);
            held = next;
        }
        assert_eq!((held, steps), (FULL_WEIGHT, 14));
    }
}
