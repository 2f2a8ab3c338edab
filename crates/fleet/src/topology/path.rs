//! Where in a topology something stands, whatever the notation.

use std::fmt;

/// Where in a topology something stands: `regions.eu-north.ingress.providers[1]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(Vec<Step>);

/// One step into a topology.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// To the value of a key.
    Key(String),
    /// To the key itself rather than its value. It is the last step.
    KeyItself(String),
    /// To an element of a list, counted from 0.
    Index(usize),
    /// To the element of a list of texts or numbers that reads so.
    Item(String),
}

impl Path {
    /// The whole file.
    pub const ROOT: Self = Self(Vec::new());

    /// The path through these keys.
    pub fn keys<const N: usize>(keys: [&str; N]) -> Self {
        Self(keys.iter().map(|k| Step::Key((*k).to_owned())).collect())
    }

    /// One key further.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_owned()))
    }

    /// To the name of an entry rather than to what it holds.
    #[must_use]
    pub fn name_of(&self, key: &str) -> Self {
        self.with(Step::KeyItself(key.to_owned()))
    }

    /// To an element of a list.
    #[must_use]
    pub fn index(&self, at: usize) -> Self {
        self.with(Step::Index(at))
    }

    /// To the element of a list that reads so.
    #[must_use]
    pub fn item(&self, text: impl fmt::Display) -> Self {
        self.with(Step::Item(text.to_string()))
    }

    /// Its steps, from the root on.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    fn with(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }

    /// How the last step reads: `live`, `providers[1]`; the whole file is `the file`.
    pub fn last(&self) -> String {
        let named = |s: &Step| matches!(s, Step::Key(_) | Step::KeyItself(_));
        match self.0.iter().rposition(named) {
            Some(at) => Self(self.0[at..].to_vec()).to_string(),
            None if self.0.is_empty() => "the file".to_owned(),
            None => self.to_string(),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) | Step::KeyItself(key) => {
                    f.write_str(if at == 0 { "" } else { "." })?;
                    write_key(f, key)?;
                }
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Item(text) => write!(f, "[{text}]")?,
            }
        }
        Ok(())
    }
}

fn write_key(f: &mut fmt::Formatter<'_>, key: &str) -> fmt::Result {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match !key.is_empty() && key.chars().all(bare) {
        true => f.write_str(key),
        false => write!(f, "{:?}", crate::topology::nearest::shortened(key)),
    }
}
