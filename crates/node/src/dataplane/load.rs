//! Bringing a ruleset into the kernel, and finding out what stands there.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use serde::Deserialize;

use crate::dataplane::ruleset::{APPLIED, Ruleset};
use crate::dataplane::{Dataplane, DataplaneError, conntrack};

impl Dataplane {
    /// Digests of the ruleset that stands; none when there is no table of ours.
    pub(super) async fn standing_ruleset(
        &self,
    ) -> Result<Option<BTreeSet<Ipv6Addr>>, DataplaneError> {
        let args = ["-j", "list", "set", "inet", "damm", APPLIED];
        let text = match self.tools.look("nft", &args, "").await {
            Ok(text) => text,
            Err(DataplaneError::Failed { .. }) => return Ok(None),
            Err(e) => return Err(e),
        };
        let read: Result<Listing, _> = serde_json::from_str(&text);
        let read =
            read.map_err(|e| DataplaneError::Unreadable { program: "nft", why: e.to_string() })?;
        Ok(Some(
            read.nftables.into_iter().filter_map(|item| item.set).flat_map(|s| s.elem).collect(),
        ))
    }

    /// The first ruleset, or one after which nothing is left of what was.
    pub(super) async fn begin_anew(&mut self, ruleset: Ruleset) -> Result<(), DataplaneError> {
        self.loaded = None;
        self.transact(&ruleset.anew()).await?;
        if self.damaged {
            tracing::warn!("what the data plane remembered was damaged: all sessions are cut");
            self.tools.changed();
            conntrack::forget_all().map_err(DataplaneError::Conntrack)?;
            self.damaged = false;
        }
        self.loaded = Some(ruleset);
        Ok(())
    }

    /// Makes this one of the ruleset with the digests: by single elements when it is the one that
    /// we loaded, else by parts.
    pub(super) async fn load(
        &mut self,
        ruleset: Ruleset,
        stands: &BTreeSet<Ipv6Addr>,
    ) -> Result<(), DataplaneError> {
        // Taken out: unless this goes well, nobody knows what stands.
        let known = self.loaded.take().filter(|known| known.standing() == *stands);
        if ruleset.standing() != *stands {
            let least = match known {
                Some(known) => ruleset.edit(&known),
                None => ruleset.change(stands),
            };
            self.change(&ruleset, &least).await?;
        }
        self.loaded = Some(ruleset);
        Ok(())
    }

    /// When the least change is not taken, the table is not what it was thought to be: then all of
    /// it is sent. One that another version of damm left may not take that either, and begins anew.
    async fn change(&self, ruleset: &Ruleset, least: &str) -> Result<(), DataplaneError> {
        for text in [least, &ruleset.whole()] {
            match self.transact(text).await {
                Err(DataplaneError::Failed { says, .. }) => {
                    tracing::warn!(%says, "the ruleset does not take a change: more is sent");
                }
                other => return other,
            }
        }
        self.transact(&ruleset.anew()).await
    }

    async fn transact(&self, text: &str) -> Result<(), DataplaneError> {
        self.tools.change("nft", &["-f", "-"], text).await
    }
}

#[derive(Deserialize)]
struct Listing {
    nftables: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    set: Option<SetText>,
}

#[derive(Deserialize)]
struct SetText {
    #[serde(default)]
    elem: Vec<Ipv6Addr>,
}
