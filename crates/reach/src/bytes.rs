//! The bytes of a snapshot: little-endian numbers, one after another.

/// Writes them.
#[derive(Debug, Default)]
pub(crate) struct Writer(Vec<u8>);

/// Reads them; `None` where there are too few.
#[derive(Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

macro_rules! numbers {
    ($($kind:ident),*) => {
        impl Writer {
            $(pub(crate) fn $kind(&mut self, n: $kind) {
                self.0.extend(n.to_le_bytes());
            })*
        }

        impl Reader<'_> {
            $(pub(crate) fn $kind(&mut self) -> Option<$kind> {
                let (first, rest) = self.0.split_first_chunk()?;
                self.0 = rest;
                Some($kind::from_le_bytes(*first))
            })*
        }
    };
}

numbers!(u8, u16, u32, u64, f32, f64);

impl Writer {
    /// How many follow. There are never more than fit.
    pub(crate) fn count(&mut self, n: usize) {
        self.u32(u32::try_from(n).unwrap_or(u32::MAX));
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend(text.as_bytes());
    }

    pub(crate) fn done(self) -> Vec<u8> {
        self.0
    }
}

impl<'a> Reader<'a> {
    pub(crate) const fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// How many follow of at least `each` bytes; `None` when so many can't follow.
    pub(crate) fn count(&mut self, each: usize) -> Option<usize> {
        let n = self.u32()? as usize;
        (n.checked_mul(each)? <= self.0.len()).then_some(n)
    }

    pub(crate) fn text(&mut self) -> Option<String> {
        let n = self.count(1)?;
        let (text, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }

    pub(crate) const fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
}
