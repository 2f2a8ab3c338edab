//! The nodes of a blueprint.

use std::collections::BTreeMap;
use std::ops::Index;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::NodeId;
use crate::node::Node;

/// The nodes of a blueprint, in order of their ids.
///
/// A copy shares its nodes with the original until one of them is edited: a child blueprint costs
/// what it changes, and what both share is equal without a look at it.
#[derive(Debug, Clone, Default)]
pub struct Nodes(BTreeMap<NodeId, Arc<Node>>);

impl Nodes {
    /// No nodes.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The node of an id.
    pub fn get(&self, id: &NodeId) -> Option<&Node> {
        self.0.get(id).map(Arc::as_ref)
    }

    /// The node of an id, to be edited: a copy of its own from now on.
    pub fn get_mut(&mut self, id: &NodeId) -> Option<&mut Node> {
        self.0.get_mut(id).map(Arc::make_mut)
    }

    /// Whether there is a node of this id.
    pub fn contains_key(&self, id: &NodeId) -> bool {
        self.0.contains_key(id)
    }

    /// Puts a node in; the one of the same id that stood there.
    pub fn insert(&mut self, id: NodeId, node: impl Into<Arc<Node>>) -> Option<Arc<Node>> {
        self.0.insert(id, node.into())
    }

    /// Takes a node out.
    pub fn remove(&mut self, id: &NodeId) -> Option<Arc<Node>> {
        self.0.remove(id)
    }

    /// Takes all out.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The ids, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &NodeId> + ExactSizeIterator + Clone {
        self.0.keys()
    }

    /// The nodes, in order of their ids.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Node> + ExactSizeIterator + Clone {
        self.0.values().map(Arc::as_ref)
    }

    /// The nodes, to be edited: each a copy of its own from now on.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.0.values_mut().map(Arc::make_mut)
    }

    /// The nodes with what makes them the same as another's.
    pub(crate) const fn shared(&self) -> &BTreeMap<NodeId, Arc<Node>> {
        &self.0
    }
}

/// Whether two nodes are equal; one that is shared is not looked at.
pub(crate) fn same(a: &Arc<Node>, b: &Arc<Node>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}

impl PartialEq for Nodes {
    fn eq(&self, other: &Self) -> bool {
        let both = || self.0.iter().zip(&other.0);
        self.len() == other.len() && both().all(|((i, a), (j, b))| i == j && same(a, b))
    }
}

impl Index<&NodeId> for Nodes {
    type Output = Node;

    /// # Panics
    ///
    /// When there is no node of this id, as a map does.
    fn index(&self, id: &NodeId) -> &Node {
        &self.0[id]
    }
}

impl<N: Into<Arc<Node>>> FromIterator<(NodeId, N)> for Nodes {
    fn from_iter<I: IntoIterator<Item = (NodeId, N)>>(nodes: I) -> Self {
        Self(nodes.into_iter().map(|(id, node)| (id, node.into())).collect())
    }
}

impl<N: Into<Arc<Node>>> Extend<(NodeId, N)> for Nodes {
    fn extend<I: IntoIterator<Item = (NodeId, N)>>(&mut self, nodes: I) {
        self.0.extend(nodes.into_iter().map(|(id, node)| (id, node.into())));
    }
}

impl Serialize for Nodes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(id, node)| (id, node.as_ref())))
    }
}

impl<'de> Deserialize<'de> for Nodes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::<NodeId, Node>::deserialize(deserializer).map(Self::from_iter)
    }
}
