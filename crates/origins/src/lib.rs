//! Which autonomous system announces an address, and in which country it is. Pure.
//!
//! The table is a file that the operator gives and replaces; none is shipped, since prefixes move
//! every day. [`Origins::parse`] tells the formats apart line by line:
//!
//! | format | a line | where it is had |
//! |---|---|---|
//! | pfx2as | `192.0.2.0 24 64500`, between tabs | CAIDA, made from RouteViews |
//! | ranges | `192.0.2.0 192.0.2.255 64500 NL NAME`, between tabs | iptoasn.com |
//! | plain | `192.0.2.0/24 64500 NL`, blanks or commas; the country if known | by hand |
//!
//! - An ASN may be written `AS64500`. Of several origins (`64500_64501`, and sets `64500,64501`)
//!   the first counts, which is the one seen most often.
//! - Empty lines and those that begin with `#` say nothing, nor does AS0: nobody announces that.
//! - A prefix that comes twice is what the later line says, so an operator's own lines go last.
//! - Ranges are kept as the prefixes that they are made of.
//!
//! # Guarantees
//!
//! - The longest prefix that holds an address answers for it, as routers do.
//! - 16 bytes a prefix for IPv4 and 32 for IPv6, and a search of `log2` of their number: one
//!   million prefixes of IPv4 are 16 MB, and 20 steps.

mod line;
mod table;

use std::fmt;
use std::net::IpAddr;

use damm_fleet::Asn;
use ipnet::IpNet;

pub use line::Fault;
use table::{Entry, Table};

/// Why a text is no table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// One line can't be read.
    #[error("line {line}: {fault}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        fault: Fault,
    },
    /// No line says anything.
    #[error(
        "the table is empty: each line has to be `PREFIX ASN [COUNTRY]`, or as in a pfx2as or \
         iptoasn file"
    )]
    Empty,
}

/// A country by its ISO 3166-1 alpha-2 code, in capitals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// The country of a code; `None` when the code is not two letters.
    pub fn new(code: &str) -> Option<Self> {
        let code: [u8; 2] = code.as_bytes().try_into().ok()?;
        code.iter().all(u8::is_ascii_alphabetic).then(|| Self(code.map(|b| b.to_ascii_uppercase())))
    }

    /// Its two letters.
    pub const fn code(self) -> [u8; 2] {
        self.0
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where an address comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The autonomous system that announces it.
    pub asn: Asn,
    /// The prefix that it is announced in, as the table has it.
    pub prefix: IpNet,
    /// The country, where the table says one.
    pub country: Option<Country>,
}

/// A table of prefixes.
#[derive(Clone, Default)]
pub struct Origins {
    v4: Table<u32>,
    v6: Table<u128>,
}

impl Origins {
    /// Reads a table, in any of the formats above, also mixed.
    ///
    /// # Errors
    ///
    /// The first line that can't be read, with its number; or that there is none.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (at, line) in text.lines().enumerate() {
            let told = |fault| Error::Line { line: at + 1, fault };
            for Origin { asn, prefix, country } in line::read(line).map_err(told)? {
                let country = country.map_or([0, 0], Country::code);
                match prefix {
                    IpNet::V4(p) => {
                        v4.push(Entry::new(p.network().into(), p.prefix_len(), asn.0, country));
                    }
                    IpNet::V6(p) => {
                        v6.push(Entry::new(p.network().into(), p.prefix_len(), asn.0, country));
                    }
                }
            }
        }
        let read = Self { v4: Table::new(v4), v6: Table::new(v6) };
        if read.is_empty() { Err(Error::Empty) } else { Ok(read) }
    }

    /// Where an address comes from; `None` when no prefix of the table holds it. An IPv4 address
    /// written as IPv6 (`::ffff:192.0.2.1`) is taken for what it is.
    pub fn of(&self, address: IpAddr) -> Option<Origin> {
        match address.to_canonical() {
            IpAddr::V4(a) => {
                let entry = self.v4.of(a.into())?;
                Some(entry.origin(IpAddr::V4(entry.network.into())))
            }
            IpAddr::V6(a) => {
                let entry = self.v6.of(a.into())?;
                Some(entry.origin(IpAddr::V6(entry.network.into())))
            }
        }
    }

    /// How many prefixes it has, of both families.
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A table has a million lines: it is shown by their number.
impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origins({} prefixes)", self.len())
    }
}
