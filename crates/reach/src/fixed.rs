//! Numbers from 0 to 64 in two bytes, so that what is known of a cell fits one cache line.

/// A number from 0 to just below 64, in steps of 1/1024.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Fixed(pub(crate) u16);

impl Fixed {
    const STEP: f64 = 1_024.0;

    /// The nearest number that fits.
    pub(crate) fn of(value: f64) -> Self {
        // Casts of floats end at the type's ends, and make 0 of what is not a number.
        Self((value * Self::STEP).round() as u16)
    }

    pub(crate) fn get(self) -> f64 {
        f64::from(self.0) / Self::STEP
    }

    /// Adds, between the ends.
    pub(crate) fn add(&mut self, more: f64) {
        *self = Self::of(self.get() + more);
    }

    /// Adds, between 0 and an end of its own.
    pub(crate) fn climb(&mut self, more: f64, end: f64) {
        *self = Self::of((self.get() + more).min(end));
    }
}

/// A number from -32 to just below 32, in the same steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Swing(pub(crate) i16);

impl Swing {
    pub(crate) fn of(value: f64) -> Self {
        Self((value * Fixed::STEP).round() as i16)
    }

    pub(crate) fn get(self) -> f64 {
        f64::from(self.0) / Fixed::STEP
    }

    /// Adds, between the ends.
    pub(crate) fn add(&mut self, more: f64) {
        *self = Self::of(self.get() + more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_between_its_ends() {
        let mut f = Fixed::of(63.0);
        f.add(5.0);
        assert!(f.get() > 63.9);
        f.add(-70.0);
        assert_eq!(f, Fixed::default());
    }
}
