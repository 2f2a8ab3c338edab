//! What a vendor has to be for the suite: a fresh account, time, and trouble on demand.

use std::sync::Arc;

use async_trait::async_trait;
use damm_clouds::{Balancer, BalancerTarget, Cloud, Dns};
use damm_fleet::blueprint::RecordSet;
use damm_fleet::{BalancerName, Capabilities, NodeId, Span};

/// What is done to the requests that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// Done, and the connection is closed without an answer.
    LostAnswers,
    /// 5xx with a web page, and nothing was done.
    FailedRequests,
    /// 5xx with a web page, although it was done.
    FailedAnswers,
    /// Of several requests that read, the first is answered and the later ones fail: the second
    /// page of a listing.
    FailedPages,
    /// Refused as too many, with the time to come back.
    Throttling,
    /// Refused as too many, without a time.
    SilentThrottling,
    /// New objects are missing from listings, for no longer than the vendor's listing lag.
    LateListings,
    /// Done, and the answer's body breaks off in the middle.
    TruncatedAnswers,
    /// Done, and the answer is a success that holds something else: a web page, nothing, a half.
    GarbledAnswers,
    /// The credential is refused.
    ExpiredCredential,
    /// The vendor has no machine of this size to give.
    OutOfStock,
    /// "Locked, try again", as the vendor says it.
    Busy,
    /// Machines are accepted and never run.
    StuckCreates,
    /// Deletes are accepted and take effect much later.
    SlowDeletes,
    /// Nothing is done, and the refusal quotes the whole request, credentials included.
    Echoes,
}

/// Which requests a trouble meets. An adapter may read before it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// All of them.
    All,
    /// Those that change something.
    Writes,
}

/// A fresh account, how to wait there, and how to make trouble.
#[async_trait]
pub trait Vendor: Send + Sync {
    /// Waits, really or not.
    async fn wait(&self, span: Span);

    /// Longer than any machine takes to run or to go, and than an account that was throttled
    /// without a time is left alone.
    fn patience(&self) -> Span;

    /// Whether it can make this trouble.
    fn makes(&self, trouble: Trouble) -> bool;

    /// Makes this trouble, and no other, for requests from now on. A vendor where each call is one
    /// request need not look at the aim.
    async fn trouble(&self, trouble: Trouble, aim: Aim);

    /// What must not stand in any error: the account's credentials.
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }

    /// Why this case is not asked of it: for real servers that are known not to do as the vendor
    /// does.
    fn excuses(&self, _case: &str) -> Option<&'static str> {
        None
    }
}

/// An account with machines and addresses. It can hold three machines and five addresses at least.
#[async_trait]
pub trait CloudVendor: Vendor {
    /// The adapter.
    fn cloud(&self) -> Arc<dyn Cloud>;

    /// What the vendor's API can do.
    fn capabilities(&self) -> Capabilities;

    /// A machine size and a location that the account has, in the vendor's words.
    fn place(&self) -> (String, String);

    /// Machines that the account may hold, where that is enforced: a small number.
    fn quota(&self) -> Option<usize>;

    /// Addresses that the account may hold, where that is enforced.
    fn address_quota(&self) -> Option<usize> {
        None
    }

    /// Lets the account hold so many, and be asked for them one after the other; tells whether it
    /// does.
    async fn raise_quota(&self, _machines: usize, _addresses: usize) -> bool {
        false
    }

    /// References to a machine and an address that never were, as the vendor writes them.
    fn nobody(&self) -> (String, String) {
        ("no-such".to_owned(), "no-such".to_owned())
    }

    /// Somebody else moves an address to another machine of the account, by other means. Tells
    /// whether that can be done here.
    async fn steal(&self, _address_ref: &str, _machine_ref: &str) -> bool {
        false
    }

    /// Whether an address order that prefers IPv6 gets it.
    fn gives_v6(&self) -> bool {
        false
    }

    /// Whether a creation takes several writes, so that one that broke off is not there before it
    /// is called again.
    fn makes_in_steps(&self) -> bool {
        false
    }
}

/// An account with a zone.
#[async_trait]
pub trait DnsVendor: Vendor {
    /// The adapter.
    fn dns(&self) -> Arc<dyn Dns>;

    /// A zone that the account has, without records of addresses.
    fn zone(&self) -> String;

    /// Puts records into the zone by other means, without our mark.
    async fn put_foreign(&self, name: &str, set: &RecordSet);

    /// Names enough for several pages of a listing.
    fn many(&self) -> usize {
        210
    }
}

/// An account with a load balancer without targets.
#[async_trait]
pub trait BalancerVendor: Vendor {
    /// The adapter.
    fn balancer(&self) -> Arc<dyn Balancer>;

    /// The balancer.
    fn balancer_name(&self) -> BalancerName;

    /// A node that can be made a target, not draining: another one for each number, the same for
    /// the same. Where targets are machines, the machine is there.
    async fn target(&self, number: usize) -> (NodeId, BalancerTarget);

    /// Whether a target can be drained; where not, a draining one is taken out.
    fn drains(&self) -> bool {
        true
    }
}
