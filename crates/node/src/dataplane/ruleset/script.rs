//! Putting a part of a ruleset together.

use std::fmt::{Display, Write as _};
use std::net::IpAddr;

use crate::dataplane::ruleset::part::Part;
use crate::dataplane::ruleset::statement::{Fill, Statement};
use crate::dataplane::ruleset::{COUNTED, TABLE, counters};
use crate::dataplane::slots::Slots;

/// A part as it grows.
#[derive(Debug, Default)]
pub struct Script(Vec<Statement>);

impl Script {
    pub fn set(&mut self, name: &str, spec: &str) {
        self.declare(format!("add set {TABLE} {name} {{ {spec} }}\n"));
    }

    pub fn map(&mut self, name: &str, spec: &str) {
        self.declare(format!("add map {TABLE} {name} {{ {spec} }}\n"));
    }

    pub fn counter(&mut self, name: &str) {
        self.declare(format!("add counter {TABLE} {name}\n"));
    }

    fn declare(&mut self, text: String) {
        self.0.push(Statement::Declare(text));
    }

    /// The slots, as a table from a hash to a mark. It is not declared `typeof jhash`: nft 1.0.6
    /// crashes when it lists such a one.
    pub fn slots(&mut self, name: &str, slots: &Slots) {
        self.map(name, "typeof numgen inc mod 1024 : meta mark;");
        self.fill_map(name, slots.holders().enumerate().filter(|(_, mark)| *mark != 0));
    }

    /// Fills a map with exactly these; each key is there once.
    pub fn fill_map(
        &mut self,
        name: &str,
        of: impl IntoIterator<Item = (impl Display, impl Display)>,
    ) {
        let elements =
            of.into_iter().map(|(key, value)| (key.to_string(), Some(value.to_string())));
        self.fill("map", name, elements.collect(), true);
    }

    /// Fills a set with exactly these; each is there once.
    pub fn fill_set(&mut self, name: &str, of: impl IntoIterator<Item = impl Display>) {
        let elements = of.into_iter().map(|key| (key.to_string(), None));
        self.fill("set", name, elements.collect(), true);
    }

    /// Fills a set of ranges with exactly these.
    pub fn fill_ranges(&mut self, name: &str, of: impl IntoIterator<Item = impl Display>) {
        let elements = of.into_iter().map(|range| (range.to_string(), None));
        self.fill("set", name, elements.collect(), false);
    }

    fn fill(
        &mut self,
        what: &'static str,
        name: &str,
        elements: Vec<(String, Option<String>)>,
        single: bool,
    ) {
        self.0.push(Statement::Fill(Fill { what, name: name.to_owned(), elements, single }));
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
                (format!("{key:#x}"), format!("\"{}\"", counters(kind, *mark)[index]))
            };
            self.fill_map(&table, marks.iter().map(element));
        }
    }

    /// A chain with exactly these rules; `hook` is empty for one that others jump to.
    pub fn chain(&mut self, name: &str, hook: &str, rules: &str) {
        let hook = if hook.is_empty() { String::new() } else { format!(" {{ {hook} }}") };
        let mut text = format!("add chain {TABLE} {name}{hook}\nflush chain {TABLE} {name}\n");
        if !rules.trim().is_empty() {
            // Writing into a string can't fail.
            let _ = writeln!(text, "table {TABLE} {{\n\tchain {name} {{");
            for rule in rules.lines().map(str::trim).filter(|rule| !rule.is_empty()) {
                let _ = writeln!(text, "\t\t{rule}");
            }
            let _ = writeln!(text, "\t}}\n}}");
        }
        self.0.push(Statement::Chain { name: name.to_owned(), text });
    }

    pub fn finish(self) -> Part {
        Part::new(self.0)
    }
}

/// `ip` or `ip6`, as nft calls an address' family.
pub fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "ip" } else { "ip6" }
}
