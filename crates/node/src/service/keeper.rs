//! Who keeps programs running.

use super::direct::Direct;
use super::program::Program;
use super::systemd::Systemd;
use super::{Places, ServiceError, Supervisor};

/// Keeps programs running, in either way.
#[derive(Debug)]
pub(crate) enum Keeper {
    /// systemd.
    Systemd(Systemd),
    /// The agent itself.
    Direct(Direct),
}

impl Keeper {
    pub fn open(places: &Places, supervisor: Supervisor) -> Result<Self, ServiceError> {
        Ok(match supervisor {
            Supervisor::Systemd => Self::Systemd(Systemd::open()),
            Supervisor::Direct => Self::Direct(Direct::open(places)?),
        })
    }

    /// The names of all programs that were started and not stopped.
    pub fn known(&self) -> Vec<String> {
        match self {
            Self::Systemd(systemd) => systemd.known(),
            Self::Direct(direct) => direct.known(),
        }
    }

    /// Whether a program runs.
    pub async fn runs(&self, name: &str) -> bool {
        match self {
            Self::Systemd(systemd) => systemd.runs(name).await,
            Self::Direct(direct) => direct.runs(name),
        }
    }

    /// Starts a program unless it runs as it should.
    pub async fn ensure(&self, program: &Program) -> Result<(), ServiceError> {
        match self {
            Self::Systemd(systemd) => systemd.ensure(program).await,
            Self::Direct(direct) => direct.ensure(program).await,
        }
    }

    /// Tells a program to read its config again (SIGHUP).
    pub async fn hang_up(&self, name: &str) -> Result<(), ServiceError> {
        match self {
            Self::Systemd(systemd) => systemd.hang_up(name).await,
            Self::Direct(direct) => {
                direct.hang_up(name);
                Ok(())
            }
        }
    }

    /// Ends a program. It is gone when this returns.
    pub async fn stop(&self, name: &str) -> Result<(), ServiceError> {
        match self {
            Self::Systemd(systemd) => systemd.stop(name).await,
            Self::Direct(direct) => direct.stop(name).await,
        }
    }
}
