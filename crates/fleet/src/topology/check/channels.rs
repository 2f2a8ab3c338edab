//! Where catalogs are published.

use std::collections::BTreeMap;

use super::Finding;
use crate::time::Span;
use crate::topology::path::Path;
use crate::topology::{Channel, Topology};

/// Channels that are one and the same place, or that can't be reached as they are described.
pub fn check(topology: &Topology) -> Vec<Finding> {
    let mut findings = twice(topology);
    for (at, channel) in topology.catalog.channels.iter().enumerate() {
        let at = at_channel(at);
        findings.extend(match channel {
            Channel::Directory { url, .. } => {
                address(&at, "url", url.as_deref()).into_iter().collect()
            }
            Channel::S3 { endpoint, bucket, prefix, url, .. } => {
                store(&at, endpoint, bucket, prefix, url.as_deref())
            }
            Channel::Dns { zone, ttl, .. } => names(&at, zone, *ttl, topology.catalog.ttl),
        });
    }
    findings
}

fn at_channel(at: usize) -> Path {
    Path::keys(["catalog", "channels"]).index(at)
}

fn twice(topology: &Topology) -> Vec<Finding> {
    let mut first = BTreeMap::new();
    let mut findings = Vec::new();
    for (at, channel) in topology.catalog.channels.iter().enumerate() {
        let earlier = *first.entry(channel.name()).or_insert(at);
        if earlier != at {
            let message = format!("`{}` is described twice", channel.name());
            findings.push(
                Finding::error(at_channel(at), message)
                    .related(at_channel(earlier), "first described here")
                    .help("keep one of them"),
            );
        }
    }
    findings
}

fn store(at: &Path, endpoint: &str, bucket: &str, prefix: &str, url: Option<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(address(at, "endpoint", Some(endpoint)));
    findings.extend(address(at, "url", url));
    // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    if !bucket.chars().all(fits) {
        let finding = Finding::error(at.key("bucket"), format!("`{bucket}` is no bucket's name"));
        findings.push(finding.help("of a-z, 0-9, hyphens and dots"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/".contains(c);
    if prefix.starts_with('/') || prefix.contains("..") || !prefix.chars().all(plain) {
        let message = format!("`{prefix}` can't start an object's name");
        let finding = Finding::error(at.key("prefix"), message);
        findings.push(finding.help("of a-z, 0-9, `-`, `.`, `_` and `/`, as in `c/`"));
    }
    findings
}

fn address(at: &Path, key: &str, address: Option<&str>) -> Option<Finding> {
    let address = address.filter(|a| !is_address(a))?;
    let finding = Finding::error(at.key(key), format!("`{address}` is no address of files"));
    Some(finding.help("as in `https://s3.eu-north-1.amazonaws.com`"))
}

fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|r| !r.is_empty() && r.bytes().all(|b| b.is_ascii_graphic() && b != b'?'))
}

fn names(at: &Path, zone: &str, ttl: Span, life: Span) -> Vec<Finding> {
    let mut findings = Vec::new();
    let label = |l: &str| {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        (1..=63).contains(&l.len()) && l.bytes().all(fits)
    };
    if !zone.trim_end_matches('.').split('.').all(label) {
        let finding = Finding::error(at.key("zone"), format!("`{zone}` is no zone"));
        findings.push(finding.help("as in `c.example.org`"));
    }
    if ttl >= life {
        let message =
            format!("resolvers may keep an answer for {ttl}, and catalogs hold for {life}");
        findings.push(
            Finding::error(at.key("ttl"), message)
                .related(Path::keys(["catalog", "ttl"]), "how long a catalog holds")
                .help("some minutes: clients would be given catalogs that have expired"),
        );
    }
    findings
}
