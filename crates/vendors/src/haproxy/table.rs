//! The table of a backend's servers, as `show servers state` prints it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use damm_clouds::BalancerTarget;
use damm_fleet::NodeId;

use crate::wire::Failure;

/// Bits of `srv_admin_state`: out of service, by whoever's word.
const MAINTENANCE: u32 = 0x01 | 0x02 | 0x04 | 0x20 | 0x40;
/// Bits of `srv_admin_state`: no new connections, by whoever's word.
const DRAIN: u32 = 0x08 | 0x10;

/// One server that damm added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its address; none where it has none.
    pub address: Option<IpAddr>,
    /// Its port.
    pub port: u16,
    state: u32,
}

impl Row {
    /// Whether it is as a target should be. A server that is out of service is not: it was added
    /// and not told its state yet, or is being removed.
    pub fn is(&self, target: &BalancerTarget) -> bool {
        let placed = (self.address, self.port) == (Some(target.address), target.port);
        let drains = self.state & DRAIN != 0;
        placed && drains == target.draining && self.state & MAINTENANCE == 0
    }

    fn target(&self) -> Option<BalancerTarget> {
        let draining = self.state & (DRAIN | MAINTENANCE) != 0;
        Some(BalancerTarget { address: self.address?, port: self.port, draining })
    }
}

/// A backend's servers that damm added, and what was said before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    rows: BTreeMap<NodeId, Row>,
    /// What the socket said to the commands before the table.
    pub words: String,
}

impl Table {
    /// Reads the socket's answer.
    ///
    /// # Errors
    ///
    /// `Rejected` when there is no such backend, `Unknown` when the table is not there or not
    /// whole: it ends with an empty line.
    pub fn read(answer: &str) -> Result<Self, Failure> {
        let Some((before, table)) = answer.split_once("# be_id ") else {
            return Err(no_table(answer));
        };
        let whole = table.strip_suffix("\n\n").ok_or_else(Failure::broken)?;
        let mut lines = whole.lines();
        let head: Vec<_> = lines.next().unwrap_or_default().split(' ').collect();
        // The head's first column was cut off with its mark.
        let at = |name: &str| head.iter().position(|h| *h == name).map(|n| n + 1);
        let columns = [at("srv_name"), at("srv_addr"), at("srv_port"), at("srv_admin_state")];
        let [Some(name), Some(address), Some(port), Some(state)] = columns else {
            return Err(Failure::unknown(
                "the table of servers has not the columns it should have",
            ));
        };
        let mut rows = BTreeMap::new();
        for line in lines {
            let read = row(line, [name, address, port, state]);
            rows.extend(read.ok_or_else(Failure::broken)?);
        }
        Ok(Self { rows, words: words(before) })
    }

    /// A node's server.
    pub fn row(&self, node: NodeId) -> Option<&Row> {
        self.rows.get(&node)
    }

    /// All targets.
    pub fn targets(&self) -> BTreeMap<NodeId, BalancerTarget> {
        self.rows.iter().filter_map(|(node, row)| Some((*node, row.target()?))).collect()
    }
}

/// A line of the table; nothing for a server of others, and none for what is no such line.
fn row(line: &str, columns: [usize; 4]) -> Option<Option<(NodeId, Row)>> {
    let fields: Vec<_> = line.split(' ').collect();
    let field = |n: usize| fields.get(columns[n]).copied();
    let (port, state) = (field(2)?.parse().ok()?, field(3)?.parse().ok()?);
    let address = field(1)?.parse().ok();
    let node: Option<NodeId> = field(0)?.parse().ok();
    Some(node.map(|node| (node, Row { address, port, state })))
}

fn no_table(answer: &str) -> Failure {
    match words(answer) {
        said if said.contains("Can't find backend") || said.contains("No such backend") => {
            Failure::rejected("there is no backend of the balancer's name")
        }
        said if said.contains("Permission denied") => Failure::rejected(said),
        _ => Failure::unknown("the answer holds no table of servers"),
    }
}

/// What was said, on one line. The table's version, a number, stands before it.
fn words(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && *l != "1");
    match lines.collect::<Vec<_>>().join("; ") {
        said if said.is_empty() => "the server is not as it was told to be".to_owned(),
        said => said,
    }
}

#[cfg(test)]
mod tests {
    use damm_fleet::FailureClass;

    use super::*;

    const HEAD: &str = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state \
                        srv_uweight srv_port\n";

    #[test]
    fn servers_of_others_are_no_targets() {
        let node: NodeId = "node-0123456789ab".parse().unwrap();
        let text = format!(
            "New server registered.\n\n\n{HEAD}3 be 1 s1 127.0.0.1 2 0 1 80\n\
             3 be 2 {node} 2001:db8::1 2 8 1 443\n\n"
        );
        let table = Table::read(&text).unwrap();
        let address = "2001:db8::1".parse().unwrap();
        let target = BalancerTarget { address, port: 443, draining: true };
        assert!(table.row(node).unwrap().is(&target));
        assert_eq!(table.targets(), [(node, target)].into());
        assert_eq!(table.words, "New server registered.");
    }

    #[test]
    fn a_table_that_is_not_whole_is_none() {
        let whole = format!("{HEAD}3 be 2 node-0123456789ab 192.0.2.1 2 1 1 443\n\n");
        assert!(Table::read(&whole).is_ok());
        for end in 0..whole.len() {
            let failure = Table::read(&whole[..end]).unwrap_err();
            assert_eq!(failure.class, FailureClass::Unknown, "{end}");
        }
        for other in ["", "<html></html>\n\n", "# be_id be_name\n\n"] {
            assert_eq!(Table::read(other).unwrap_err().class, FailureClass::Unknown, "{other}");
        }
    }

    #[test]
    fn a_backend_that_is_not_there_is_rejected() {
        let failure = Table::read("Can't find backend.\n\n").unwrap_err();
        assert_eq!(failure.class, FailureClass::Rejected);
    }
}
