//! Statements that are loaded together, and the digest that tells that they stand.

use std::net::Ipv6Addr;

use sha2::{Digest as _, Sha256};

use crate::dataplane::ruleset::statement::Statement;

/// A part of a ruleset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    statements: Vec<Statement>,
    text: String,
    digest: Ipv6Addr,
}

impl Part {
    pub fn new(statements: Vec<Statement>) -> Self {
        let text: String = statements.iter().map(Statement::text).collect();
        let digest = digest(&text);
        Self { statements, text, digest }
    }

    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// The lines that make all of it so, whatever there is.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Of its text.
    pub const fn digest(&self) -> Ipv6Addr {
        self.digest
    }
}

fn digest(text: &str) -> Ipv6Addr {
    let digest = Sha256::digest(text.as_bytes());
    let mut first = [0; 16];
    first.copy_from_slice(&digest[..16]);
    Ipv6Addr::from(first)
}
