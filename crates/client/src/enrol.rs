//! Enrolment.

use damm_catalog::{Expected, Verifier};
use damm_protocol::{Assignment, Enrol, NewCredential};

use crate::controller::Controller;
use crate::error::Error;
use crate::profile::Profile;

impl Profile {
    /// Enrols at the first controller that answers. The profile has to be saved before: when the
    /// answer is lost, the same request again gives the same answer.
    ///
    /// # Errors
    ///
    /// What the last controller said; the profile is as it was.
    pub async fn enrol(&mut self, proxy: Option<&str>) -> Result<(), Error> {
        let Some(invitation) = self.invitation.clone() else { return Ok(()) };
        let asked = Enrol { invitation, credential: NewCredential::of(&self.secret()) };
        let mut last = Error::NoCatalog(Vec::new());
        for url in &self.controllers {
            match Controller::new(url, proxy)?.enrol(&asked).await {
                Ok(assignment) => return self.assigned(assignment),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn assigned(&mut self, assignment: Assignment) -> Result<(), Error> {
        let expected = Expected::fleet(&assignment.fleet);
        Verifier::trust(assignment.root.as_bytes(), expected).map_err(Error::Root)?;
        (self.assignment, self.invitation) = (Some(assignment), None);
        Ok(())
    }
}
