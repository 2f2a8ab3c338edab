//! Why the controller did not answer as it should.

use damm_protocol::Refusal;

/// Why the controller did not answer as it should. No message holds an address of this server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The seat's controller is no address.
    #[error(
        "`{0}` is not where a controller can be: it has to be https://host or https://host:port"
    )]
    NoPlace(String),
    /// Nobody is there: not even a connection came about. To try it costs next to nothing.
    #[error("the controller can't be reached: {0}")]
    Absent(String),
    /// Somebody is there who does not answer.
    #[error("the controller can't be reached: {0}")]
    Unreachable(String),
    /// There is no address of the wanted family.
    #[error("the controller has no {0} address")]
    NoFamily(&'static str),
    /// Somebody else answers.
    #[error(
        "what answers at the controller's address is not the controller: it shows another key than \
         the one that this server was given; find out who stands between"
    )]
    WrongKey,
    /// The controller says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// What came can't be understood.
    #[error("the controller's answer can't be read: {0}; it may be of another version")]
    Unreadable(String),
    /// What came is not for this server.
    #[error("{0}")]
    Unfit(String),
    /// Nothing came in time.
    #[error("the controller did not answer in time")]
    Late,
}

impl LinkError {
    pub(super) fn absent(why: impl ToString) -> Self {
        Self::Absent(why.to_string())
    }

    pub(super) fn unreachable(why: impl ToString) -> Self {
        Self::Unreachable(why.to_string())
    }
}
