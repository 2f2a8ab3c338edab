//! Why something can't be read.

/// Why a file can't be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Other bytes.
    #[error("this is no file that age has sealed")]
    NotAge,
    /// Sealed for others.
    #[error("this file was sealed for others: fetch your own, or use the key that it is for")]
    NotForUs,
    /// Changed or cut since.
    #[error("this file is not as it was sealed: fetch it again")]
    Damaged,
}

/// Why a text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no key of age's: one starts with `age1`, or with `AGE-SECRET-KEY-1` for a secret")]
pub struct NotAKey;
