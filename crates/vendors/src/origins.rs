//! Which autonomous system announces an address. Vendors don't tell.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use damm_fleet::{Asn, Topology};
pub use damm_origins::Origins as Table;

use crate::error::SetupError;

/// The networks of one account.
#[derive(Debug, Clone)]
pub struct Origins {
    asns: Vec<Asn>,
    table: Option<Arc<Table>>,
}

impl Origins {
    /// The networks that the topology lists for an account.
    pub const fn new(asns: Vec<Asn>) -> Self {
        Self { asns, table: None }
    }

    /// The same, with a table that goes before them.
    pub fn with(self, table: Option<Arc<Table>>) -> Self {
        Self { table, ..self }
    }

    /// The autonomous system of an address: what the table says, else the first that the account
    /// lists.
    pub fn asn(&self, address: IpAddr) -> Asn {
        let looked_up = self.table.as_ref().and_then(|t| t.of(address));
        let listed = || self.asns.first().copied().unwrap_or(Asn(0));
        looked_up.map_or_else(listed, |origin| origin.asn)
    }
}

/// Reads the table that a topology names; none when it names none. Its path is found from `base`.
///
/// # Errors
///
/// When it can't be read; the error says its line.
pub fn table(topology: &Topology, base: &Path) -> Result<Option<Arc<Table>>, SetupError> {
    let Some(file) = &topology.origins else { return Ok(None) };
    let file = base.join(file);
    let no_table = |why: String| SetupError::Origins { file: file.clone(), why };
    let text = std::fs::read_to_string(&file).map_err(|e| no_table(e.to_string()))?;
    let table = Table::parse(&text).map_err(|e| no_table(e.to_string()))?;
    Ok(Some(Arc::new(table)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asn(origins: &Origins, address: &str) -> Asn {
        origins.asn(address.parse().unwrap())
    }

    #[test]
    fn the_table_goes_before_what_the_account_lists() {
        let table = Table::parse("192.0.2.0/24 64501\n2001:db8::/32 64502\n").unwrap();
        let origins = Origins::new(vec![Asn(64_500)]).with(Some(Arc::new(table)));
        assert_eq!(asn(&origins, "192.0.2.9"), Asn(64_501));
        assert_eq!(asn(&origins, "2001:db8::9"), Asn(64_502));
        assert_eq!(asn(&origins, "198.51.100.9"), Asn(64_500));
        assert_eq!(asn(&Origins::new(Vec::new()), "192.0.2.9"), Asn(0));
    }

    #[test]
    fn a_table_that_cannot_be_read_is_told_with_its_file_and_line() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("origins.txt"), "192.0.2.0/24 64501\nx\n").unwrap();
        let topology = |file: Option<&str>| -> Topology {
            let parts = serde_json::json!({
                "fleet": "demo", "providers": {}, "profiles": {}, "regions": {},
                "populations": {}, "origins": file,
            });
            serde_json::from_value(parts).unwrap()
        };
        let said = |file| table(&topology(Some(file)), dir.path()).unwrap_err().to_string();
        assert!(said("origins.txt").contains("origins.txt can't be used as `origins`: line 2: "));
        assert!(said("missing.txt").contains("missing.txt can't be used as `origins`: "));
        assert!(table(&topology(None), dir.path()).unwrap().is_none());
    }
}
