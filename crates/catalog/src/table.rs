//! A catalog as people read it.

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::contents::{Catalog, Front};

impl Catalog {
    /// The catalog as a table, for a terminal. All its texts are printable: readers check that.
    pub fn table(&self) -> String {
        let rows: Vec<[String; 4]> = self.fronts.iter().map(row).collect();
        let head = ["FRONT DOOR", "ADDRESS", "TRANSPORT", "PARAMETERS"];
        let width = |i: usize| rows.iter().map(|r| r[i].len()).chain([head[i].len()]).max();
        let widths: [usize; 4] = std::array::from_fn(|i| width(i).unwrap_or(0));
        let mut text = format!(
            "{} · {} · version {}\nfrom {} until {}\n\n",
            self.fleet, self.region, self.version, self.not_before, self.expires
        );
        for cells in std::iter::once(head.map(str::to_owned)).chain(rows) {
            let padded = cells.iter().zip(widths).map(|(c, w)| format!("{c:w$}"));
            let line = padded.collect::<Vec<_>>().join("  ");
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text
    }
}

fn row(front: &Front) -> [String; 4] {
    let params = front.params.iter().map(|(k, v)| format!("{k}={v}"));
    [
        front.id.to_string(),
        SocketAddr::new(front.address, front.port).to_string(),
        front.transport.clone(),
        params.collect::<Vec<_>>().join(" "),
    ]
}
