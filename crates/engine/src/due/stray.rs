//! Things that no living row holds.
//!
//! Those that the ledger knew are ours beyond doubt: the late effect of a lost creation, or what
//! was believed gone. Those that it never knew may be another controller's, so they are left alone
//! until they are old. Where addresses carry no tags, only what is beyond doubt the same that a row
//! once held is taken down; all others are shown, and left to the operator.

use damm_clouds::Tag;
use damm_fleet::{Stage, Subject, Verb};

use super::view::View;
use super::{Due, Held, Hold};
use crate::patience::ORPHAN_AGE;
use crate::sight::StrayKnown;
use crate::step::{Call, Step};

pub(super) fn steps(view: &View<'_>, due: &mut Due) {
    for known in &view.seen.strays {
        match &known.stray.tag {
            None => due.watched.push(nobodys(known)),
            Some(tag) if may_go(view, known, tag) => due.steps.push(step(known, tag.subject)),
            Some(tag) if known.ever_known => due.held.push(second_look(known, tag.subject)),
            Some(tag) => due.watched.push(later(known, tag.subject)),
        }
    }
}

fn may_go(view: &View<'_>, known: &StrayKnown, tag: &Tag) -> bool {
    let stray = &known.stray;
    let fits = stray.machine == matches!(tag.subject, Subject::Node(_));
    let ours = tag.fleet == view.topology.fleet && fits;
    let row = view.row(tag.subject);
    let ripe = match known.ever_known {
        // A row that stands at another account says that something is odd; nothing is destroyed.
        true => row.is_none_or(|r| r.provider == stray.provider && unwanted(view, tag.subject)),
        false => view.now.since(stray.created_at) >= ORPHAN_AGE && row.is_none(),
    };
    ours && ripe && known.times_seen >= 2 && quiet(view, known, tag.subject)
}

/// What was lost while it was in service and shows up again waits for the planner's word.
fn unwanted(view: &View<'_>, subject: Subject) -> bool {
    crate::guard::desired(view, subject).is_none_or(|(_, s)| matches!(s, Stage::Leaving { .. }))
}

/// Nobody is connected through it, or the longest drain has passed since it showed up.
fn quiet(view: &View<'_>, known: &StrayKnown, subject: Subject) -> bool {
    let Subject::Node(node) = subject else {
        return true;
    };
    let rotation = &view.topology.rotation;
    let drain = rotation.ingress.drain.max(rotation.egress.drain);
    view.node_sessions(node) == 0 || view.now >= known.first_seen + drain
}

fn step(known: &StrayKnown, subject: Subject) -> Step {
    let stray = &known.stray;
    let verb = match (stray.machine, subject) {
        (true, _) => Verb::RetireNode,
        (false, Subject::EgressIp(_)) => Verb::ReleaseEgressIp,
        (false, _) => Verb::ReleaseFrontdoor,
    };
    Step {
        verb,
        object: object(known, subject),
        subject: Some(subject),
        provider: Some(stray.provider.clone()),
        key: format!("{subject}.stray.{}", stray.provider_ref),
        call: Call::DestroyStray {
            machine: stray.machine,
            provider_ref: stray.provider_ref.clone(),
            detach: stray.attached,
        },
    }
}

fn object(known: &StrayKnown, subject: Subject) -> String {
    format!("{subject} ({})", known.stray.provider_ref)
}

/// What the ledger knew goes as soon as a second look has shown it.
fn second_look(known: &StrayKnown, subject: Subject) -> Held {
    let since = known.first_seen;
    Held { object: object(known, subject), hold: Hold::Looking { since }, until: None }
}

/// When a stray that is left alone is old enough.
fn later(known: &StrayKnown, subject: Subject) -> Held {
    let what = "it to grow old, since the ledger never knew it";
    Held {
        object: object(known, subject),
        hold: Hold::After { what },
        until: Some(known.stray.created_at + ORPHAN_AGE),
    }
}

/// Not known to be ours: it stays until the operator takes it away.
fn nobodys(known: &StrayKnown) -> Held {
    let what = "the operator to say whose it is: it carries no tag, and no row held it";
    Held { object: known.stray.provider_ref.clone(), hold: Hold::After { what }, until: None }
}
