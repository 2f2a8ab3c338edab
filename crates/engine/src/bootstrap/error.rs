//! What can be wrong with a bootstrap template.

/// Why a template gave no usable user data. No message holds the join token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BootstrapError {
    /// The template does not follow the template language.
    #[error("bootstrap template {template}, line {line}: {problem}; correct the template")]
    Syntax {
        /// The template's name.
        template: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// The template asks for a value that there is not.
    #[error("bootstrap template {template}, line {line}: no such value in `{asked}`: use {known}")]
    UnknownValue {
        /// The template's name.
        template: String,
        /// The first line that asks for it, counted from 1.
        line: usize,
        /// The part of the line that asks for it.
        asked: String,
        /// All that a template may ask for.
        known: String,
    },
    /// What came out is not YAML.
    #[error(
        "bootstrap template {template} gives no YAML: line {line} of what it gives: {problem}; \
         correct the template"
    )]
    NotYaml {
        /// The template's name.
        template: String,
        /// The line of the rendered text, counted from 1; 0 when it is not known.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// What came out holds a symbol that YAML 1.1, which cloud-init reads, has no place for, or
    /// takes for the end of a line: a value could break out of its place with it.
    #[error(
        "bootstrap template {template}, line {line} of what it gives: the symbol U+{symbol:04X}, \
         which YAML may take for the end of the line; take it out of the template or the value"
    )]
    Symbol {
        /// The template's name.
        template: String,
        /// The line of the rendered text, counted from 1.
        line: usize,
        /// The symbol's number in Unicode.
        symbol: u32,
    },
    /// What came out is YAML, but not what cloud-init takes for its configuration.
    #[error(
        "bootstrap template {template} is no cloud-config: {problem}; begin it with the line \
         `#cloud-config`, followed by a mapping"
    )]
    NotCloudConfig {
        /// The template's name.
        template: String,
        /// What is missing.
        problem: &'static str,
    },
    /// The node could not join, or its secret is written about.
    #[error(
        "bootstrap template {template} writes the join token {times} times; write \
         {{{{ join_token }}}} exactly once, into a file that only root can read"
    )]
    Token {
        /// The template's name.
        template: String,
        /// How often it is there.
        times: usize,
    },
    /// The provider would refuse it.
    #[error(
        "bootstrap template {template} gives {size} bytes of user data, and the provider takes \
         {limit}; shorten the template, or put more into the machine image"
    )]
    TooBig {
        /// The template's name.
        template: String,
        /// Bytes that came out.
        size: usize,
        /// Bytes that the provider takes.
        limit: usize,
    },
}
