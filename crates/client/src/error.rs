//! What can go wrong with a client.

use std::path::PathBuf;

use damm_catalog::Refusal;
use damm_fleet::Span;

/// Why a client can't go on. No message holds a secret or a path at the controller.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The profile can't be read or written.
    #[error("the profile {path} can't be {what}: {why}")]
    Profile {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        what: &'static str,
        /// The system's words, or what is wrong with it.
        why: String,
    },
    /// There is a profile already.
    #[error("{path} is there already, and is not overwritten: move it away, or name another file")]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// The client has not enrolled.
    #[error("this client has not enrolled yet: run `damm client enrol URL`")]
    NotEnrolled,
    /// The invitation lets nobody in, or the address is no controller's.
    #[error(
        "{controller} lets nobody in with this invitation: it may be used up, expired, revoked or \
         mistyped; ask for another"
    )]
    NotInvited {
        /// The controller's host.
        controller: String,
    },
    /// Too many come at the moment.
    #[error("{controller} asks to try again in {after}")]
    Later {
        /// The controller's host.
        controller: String,
        /// When.
        after: Span,
    },
    /// No whole answer came.
    #[error("{controller} gives no answer: {why}; try another address or another way")]
    Silent {
        /// The controller's host.
        controller: String,
        /// What happened.
        why: String,
    },
    /// An answer came that is none.
    #[error("{controller} gives an answer that is none of ours: {why}")]
    Odd {
        /// The controller's host.
        controller: String,
        /// What it is.
        why: String,
    },
    /// A text is no address of a controller.
    #[error("`{url}` is no controller's address: write it as in https://controller.example")]
    NoController {
        /// The text.
        url: String,
    },
    /// The root that came with the assignment is not to be trusted.
    #[error("the fleet's root can't be trusted: {0}")]
    Root(Refusal),
    /// No place had a catalog that can be believed.
    #[error("no catalog can be had: {}", told(.0))]
    NoCatalog(Vec<String>),
    /// A format can't be written.
    #[error(transparent)]
    Format(#[from] damm_formats::Error),
}

fn told(whys: &[String]) -> String {
    match whys {
        [] => {
            "there is no place to ask: give --resolver for those in DNS, or enrol again where the \
               fleet's controller is reached"
                .to_owned()
        }
        whys => whys.join("; "),
    }
}
