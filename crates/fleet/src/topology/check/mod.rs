//! What the form of a file can't tell: whether its parts fit together.

mod channels;
mod country;
mod edges;
mod lab;
mod networks;
mod placement;
mod pools;
mod populations;
mod references;
mod room;
mod rotation;
mod vendors;
mod view;

use super::Topology;
use super::diagnostic::{Diagnostic, Severity};
use super::path::Path;
use super::tree::Node;
use crate::offer::Offers;

/// Something that does not fit, and where in the topology it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether the topology is refused for it.
    pub severity: Severity,
    /// What it is about. A value that the file leaves to its default has a path too.
    pub path: Path,
    /// What does not fit.
    pub message: String,
    /// What else it has to do with, each with a few words.
    pub related: Vec<(Path, String)>,
    /// What is allowed, or what to do.
    pub help: Option<String>,
}

impl Finding {
    const fn error(path: Path, message: String) -> Self {
        Self { severity: Severity::Error, path, message, related: Vec::new(), help: None }
    }

    fn warning(path: Path, message: String) -> Self {
        Self { severity: Severity::Warning, ..Self::error(path, message) }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn related(mut self, path: Path, words: impl Into<String>) -> Self {
        self.related.push((path, words.into()));
        self
    }

    /// Whether it has to do with what stands at a path, or within that.
    pub(super) fn touches(&self, path: &Path) -> bool {
        let related = self.related.iter().map(|(related, _)| related);
        let mut own = related.chain([&self.path]);
        own.any(|p| p.steps().starts_with(path.steps()) || path.steps().starts_with(p.steps()))
    }

    /// The same with places of a file instead of paths. What the file leaves out is shown at the
    /// innermost place around it that the file has.
    pub(super) fn placed(self, tree: &Node) -> Diagnostic {
        let (span, given) = tree.find(&self.path);
        let related = self.related.into_iter();
        let related = related.map(|(path, words)| (tree.find(&path), words));
        let written = related.filter(|((_, given), _)| *given);
        Diagnostic {
            severity: self.severity,
            label: (!given).then(|| format!("`{}` is not given here", self.path.last())),
            message: self.message,
            related: written.map(|((place, _), words)| (place, words)).collect(),
            help: self.help,
            span,
        }
    }
}

/// All that does not fit in a topology whose providers offer this, in no particular order.
///
/// # Guarantees
///
/// A topology without an error here can be planned: every name leads somewhere, every pool can be
/// filled, and every population can have what it must always have.
pub fn check(topology: &Topology, offers: &Offers) -> Vec<Finding> {
    let mut findings = references::check(topology);
    findings.extend(networks::check(topology));
    findings.extend(lab::check(topology));
    findings.extend(vendors::check(topology));
    findings.extend(channels::check(topology));
    findings.extend(edges::check(topology));
    findings.extend(rotation::check(topology));
    findings.extend(pools::check(topology, offers));
    findings.extend(populations::check(topology));
    findings.extend(room::check(topology, offers));
    // While names lead nowhere, what nothing leads to says nothing new.
    if findings.iter().all(|f| f.severity != Severity::Error) {
        findings.extend(references::unused(topology));
    }
    findings
}
