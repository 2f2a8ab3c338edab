//! Taking up what a process left behind that died, or was stopped hard.

use damm_fleet::resource::Observed;
use damm_fleet::{FailureClass, Phase, Subject};
use damm_store::{OpenIntent, Outcome};

use crate::engine::Engine;
use crate::error::Error;
use crate::sight::Answer;

/// Steps that may have made something that costs money.
const CREATIONS: [&str; 2] = ["machine.create", "address.allocate"];

impl Engine {
    /// Takes up the intents of a process that died: creations are looked up before anything else
    /// is done about them; all other steps are idempotent, and are made again where still due.
    ///
    /// # Errors
    ///
    /// Failures of the store.
    pub async fn recover(&self) -> Result<usize, Error> {
        let _turn = self.turn.lock().await;
        self.reload().await?;
        self.world().open.clear();
        let open = self.store.open_intents().await?;
        let count = open.len();
        // Rows first: an intent must not be closed while its row still says that it is under way.
        self.doubt(&open).await?;
        for intent in open {
            self.take_up(intent).await?;
        }
        Ok(count)
    }

    /// A creation that nobody waits for any more has an unknown outcome.
    async fn doubt(&self, open: &[OpenIntent]) -> Result<(), Error> {
        let creating = |s: &Subject| self.row(*s).is_some_and(|r| r.phase == Phase::Creating);
        let subjects = open.iter().filter_map(|o| o.intent.subject);
        self.observe(subjects.filter(creating), Observed::Vague).await
    }

    async fn take_up(&self, open: OpenIntent) -> Result<(), Error> {
        let creation = CREATIONS.contains(&open.intent.step.as_str());
        let subject = open.intent.subject.filter(|_| creation);
        let Some(subject) = subject else {
            let outcome = Outcome::Failed {
                class: FailureClass::Unknown,
                message: "the process ended before the answer came".to_owned(),
            };
            return Ok(self.store.end(open.seq, &outcome, None, self.now()).await?);
        };
        match self.row(subject).map(|r| r.phase) {
            Some(Phase::Creating | Phase::Unknown | Phase::Ambiguous) => {
                self.world().open.entry(subject).or_default().push(open.seq);
                Ok(())
            }
            // It was found out, and the process died before the ledger said so.
            Some(Phase::Wanted | Phase::Refused) => {
                self.settle_intent(open.seq, Answer::Absent).await
            }
            _ => self.settle_intent(open.seq, Answer::Found).await,
        }
    }

    pub(crate) async fn settle_intent(&self, seq: u64, answer: Answer) -> Result<(), Error> {
        let found = answer.as_str().to_owned();
        let outcome = Outcome::Settled { found };
        Ok(self.store.end(seq, &outcome, None, self.now()).await?)
    }

    /// Closes a subject's open creations in the ledger. An ambiguous one stays open: the operator
    /// has to decide first.
    pub(crate) async fn settle_open(&self, subject: Subject, answer: Answer) -> Result<(), Error> {
        if answer == Answer::Ambiguous {
            return Ok(());
        }
        let open = self.world().open.remove(&subject).unwrap_or_default();
        for seq in open {
            self.settle_intent(seq, answer).await?;
        }
        Ok(())
    }
}
