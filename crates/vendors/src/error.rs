//! What keeps an account from being called at all.

use std::path::PathBuf;

use damm_fleet::ProviderName;

/// An account that can't be set up. Nothing was called.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The variable that holds the secret is not there.
    #[error("the environment variable `{0}` is not set: it has to hold the account's credentials")]
    NoVariable(String),
    /// The file that holds the secret can't be read.
    #[error("{file} can't be read: {why}; it has to hold the account's credentials")]
    NoFile {
        /// The file.
        file: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The secret is not in the form that the kind asks for. The text never holds any of it.
    #[error("the credentials are not as they should be: {0}")]
    Credentials(String),
    /// The file of authorities is no use.
    #[error("{file} can't be used as `ca`: {why}")]
    Ca {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The table of autonomous systems is no use.
    #[error("{file} can't be used as `origins`: {why}")]
    Origins {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// TLS can't be set up.
    #[error("TLS can't be set up: {0}")]
    Tls(String),
    /// The endpoint can't be called.
    #[error("`{endpoint}` is no endpoint: {why}")]
    Endpoint {
        /// What the topology says.
        endpoint: String,
        /// What it should be.
        why: String,
    },
    /// The account's settings lack what its kind needs.
    #[error("the account's `settings` have no `{0}`: `damm providers` tells what it is")]
    NoSetting(&'static str),
    /// One of the account's settings can't be used.
    #[error("the setting `{name}` can't be used: {why}")]
    Setting {
        /// Its key.
        name: &'static str,
        /// What it should be.
        why: String,
    },
    /// The kind was left out of this build.
    #[error("this build of damm has no `{0}`: build it with the feature of that name")]
    LeftOut(&'static str),
    /// Which account it is.
    #[error("the account `{account}`: {cause}")]
    Account {
        /// Its name in the topology.
        account: ProviderName,
        /// What is wrong.
        cause: Box<SetupError>,
    },
}
