//! Numbers that say no more than they must.

/// The greatest of 0, 1, 2, 5, 10, 20, 50, … that is not above a number: exact times and sizes
/// could tell one client from another.
pub fn coarse(number: u64) -> u64 {
    let mut decade = 1;
    while number / decade >= 10 {
        decade *= 10;
    }
    let step = match number / decade {
        0 => 0,
        1 => 1,
        2..=4 => 2,
        _ => 5,
    };
    step * decade
}

#[cfg(test)]
mod tests {
    use super::coarse;

    #[test]
    fn numbers_are_cut_to_one_two_and_five() {
        let cut = [
            (0, 0),
            (1, 1),
            (3, 2),
            (9, 5),
            (10, 10),
            (19, 10),
            (49, 20),
            (16_384, 10_000),
            (u64::MAX, 10_000_000_000_000_000_000),
        ];
        for (number, expected) in cut {
            assert_eq!(coarse(number), expected, "{number}");
        }
    }
}
