//! Enrolment: a client shows an invitation, and is let in for good.

use damm_assign::trust::{Rate, admit};
use damm_fleet::PopulationName;
use damm_protocol::{CredentialId, Enrol};
use damm_store::Enrolment;

use super::routes::Denied;
use super::{Client, ClientsEndpoint, Invitation};
use crate::reply::Reply;

impl ClientsEndpoint {
    /// Lets a client in, or finds it again.
    pub(super) async fn enrol(&self, asked: Enrol) -> Result<Reply, Denied> {
        let _one = self.enrolling.lock().await;
        let mark = asked.mark();
        if let Some(number) = self.parts.store.client_of(&mark).await? {
            let found = self.parts.store.client(number).await?;
            let (credential, client) = found.ok_or(Denied::NotFound)?;
            return Ok(self.assign(credential.id, &client));
        }
        let (number, client) = self.let_in(asked, &mark).await?;
        self.parts.watch.let_in(number, &client.population, client.day());
        if let Some(agents) = &self.parts.agents {
            agents.let_in();
        }
        Ok(self.assign(number, &client))
    }

    async fn let_in(&self, asked: Enrol, mark: &str) -> Result<(CredentialId, Client), Denied> {
        let (store, now) = (&self.parts.store, self.parts.clock.now());
        let hash = asked.invitation.hash();
        let invitation: Option<Invitation> = store.invitation(&hash).await?;
        let invitation = invitation.filter(|i| i.holds(now) && self.serves(&i.population));
        let mut invitation = invitation.ok_or(Denied::NotFound)?;
        let population = invitation.population.clone();
        let rate: Option<Rate> = store.enrol_rate(&population).await?;
        let there = usize::try_from(store.enrolled(&population).await?).unwrap_or(usize::MAX);
        let rate = rate.unwrap_or_default();
        let admitted = admit(invitation.level, there, invitation.rate, rate, now);
        let (mine, all) = admitted.map_err(|refused| Denied::Later(refused.until.since(now)))?;
        (invitation.rate, invitation.left) = (mine, invitation.left - 1);
        let number = store.next_credential().await?.ok_or(Denied::Unable)?;
        let client = Client::new(&invitation, hash.clone(), now);
        let enrolment = Enrolment {
            credential: &asked.credential.numbered(number),
            mark,
            client: &client,
            invitation: (&hash, &invitation),
            rate: (&population, &all),
        };
        store.enrol(enrolment).await?;
        Ok((number, client))
    }

    fn serves(&self, population: &PopulationName) -> bool {
        self.parts.topology.populations.contains_key(population)
    }
}
