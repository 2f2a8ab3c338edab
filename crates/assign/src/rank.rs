//! From a random word and a weight to a place in a ranking.

/// The cost of a door: `-ln(u) / w` for the number `u` in (0, 1) that the hash stands for; the
/// smallest is ranked first. It is the inverse of the score `-w / ln(u)`, and orders the same.
///
/// Written as the bits of a positive IEEE 754 number, whose order as integers is their own.
pub(crate) fn cost(hash: u64, weight: u32) -> u64 {
    // 52 bits and a half: exact in 53 bits of mantissa, never 0 and never 1.
    let unit = ((hash >> 12) as f64 + 0.5) / (1u64 << 52) as f64;
    (-ln(unit) / f64::from(weight)).to_bits()
}

/// The natural logarithm of a positive normal number, to a few units in the last place.
///
/// The standard library's may differ between platforms, and then two controllers would disagree on
/// who is told what. This uses only operations that IEEE 754 rounds in one way:
/// `ln(m) = 2 artanh((m - 1) / (m + 1))` for `m` between √½ and √2, and its series.
fn ln(x: f64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    const ONE: u64 = 1023 << 52;
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as i64 - 1023;
    let mut m = f64::from_bits(bits & MANTISSA | ONE);
    if m > std::f64::consts::SQRT_2 {
        m *= 0.5;
        exponent += 1;
    }
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    // |s| < 0.1716, so the first term left out is below 2^-58 of the sum.
    let series = (0..11).rev().fold(0.0, |sum, k| sum * z + 1.0 / f64::from(2 * k + 1));
    exponent as f64 * std::f64::consts::LN_2 + 2.0 * s * series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_the_standard_librarys_within_rounding() {
        let step = 0x0123_4567_89ab_cdef_u64;
        for n in 0..200_000u64 {
            let hash = n.wrapping_mul(step);
            let u = ((hash >> 12) as f64 + 0.5) / (1u64 << 52) as f64;
            let (mine, theirs) = (ln(u), u.ln());
            let error = ((mine - theirs) / theirs).abs();
            assert!(error < 1e-14, "ln({u}) = {mine}, not {theirs}");
        }
    }

    #[test]
    fn the_ends_of_the_range_have_a_cost() {
        let of = |h| f64::from_bits(cost(h, 1));
        assert!(of(0) > 36.0 && of(0).is_finite());
        assert!(of(u64::MAX) > 0.0 && of(u64::MAX) < 1e-15);
        assert!(cost(u64::MAX, 1000) < cost(u64::MAX, 1));
    }
}
