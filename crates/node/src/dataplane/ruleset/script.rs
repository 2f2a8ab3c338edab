//! Putting a transaction's text together.

use std::fmt::{Display, Write as _};
use std::net::IpAddr;

use crate::dataplane::ruleset::{COUNTED, TABLE, counters};
use crate::dataplane::slots::Slots;

/// A part of the transaction: whatever is declared again stays as it is, and chains and tables of
/// ours are emptied before they are filled.
#[derive(Debug, Default)]
pub struct Script(String);

/// `writeln!` into a string can't fail.
macro_rules! say {
    ($script:expr, $($words:tt)*) => {{
        let _ = writeln!($script.0, $($words)*);
    }};
}

impl Script {
    pub fn set(&mut self, name: &str, spec: &str) {
        say!(self, "add set {TABLE} {name} {{ {spec} }}");
    }

    pub fn map(&mut self, name: &str, spec: &str) {
        say!(self, "add map {TABLE} {name} {{ {spec} }}");
    }

    pub fn counter(&mut self, name: &str) {
        say!(self, "add counter {TABLE} {name}");
    }

    /// The slots, as a table from a hash to a mark. It is not declared `typeof jhash`: nft 1.0.6
    /// crashes when it lists such a one.
    pub fn slots(&mut self, name: &str, slots: &Slots) {
        self.map(name, "typeof numgen inc mod 1024 : meta mark;");
        let held = slots.holders().enumerate().filter(|(_, mark)| *mark != 0);
        self.refill("map", name, held.map(|(slot, mark)| format!("{slot} : {mark}")));
    }

    /// Fills a set or a map with exactly these.
    pub fn refill(&mut self, what: &str, name: &str, of: impl IntoIterator<Item = impl Display>) {
        say!(self, "flush {what} {TABLE} {name}");
        let mut elements = of.into_iter().peekable();
        if elements.peek().is_none() {
            return;
        }
        let _ = write!(self.0, "add element {TABLE} {name} {{ ");
        let mut comma = "";
        for element in elements {
            let _ = write!(self.0, "{comma}{element}");
            comma = ", ";
        }
        say!(self, " }}");
    }

    /// Counters for each mark, and the tables by which rules find them: from the mark, moved up by
    /// some bits, to the counter.
    pub fn counted(&mut self, kind: char, marks: &[u16], bits: u32) {
        for name in marks.iter().flat_map(|mark| counters(kind, *mark)) {
            self.counter(&name);
        }
        for (index, what) in COUNTED.iter().enumerate() {
            let table = format!("{kind}_{what}");
            self.map(&table, "type mark : counter;");
            let element = |mark: &u16| {
                let key = u32::from(*mark) << bits;
                format!("{key:#x} : \"{}\"", counters(kind, *mark)[index])
            };
            self.refill("map", &table, marks.iter().map(element));
        }
    }

    /// A chain with exactly these rules; `hook` is empty for one that others jump to.
    pub fn chain(&mut self, name: &str, hook: &str, rules: &str) {
        let hook = if hook.is_empty() { String::new() } else { format!(" {{ {hook} }}") };
        say!(self, "add chain {TABLE} {name}{hook}");
        say!(self, "flush chain {TABLE} {name}");
        if !rules.trim().is_empty() {
            say!(self, "table {TABLE} {{\n\tchain {name} {{");
            for rule in rules.lines().map(str::trim).filter(|rule| !rule.is_empty()) {
                say!(self, "\t\t{rule}");
            }
            say!(self, "\t}}\n}}");
        }
    }

    pub fn finish(self) -> String {
        self.0
    }
}

/// `ip` or `ip6`, as nft calls an address' family.
pub fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "ip" } else { "ip6" }
}
