//! Processes that outlive who started them, found again.

use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

/// A process, told apart from a later one that got its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Process {
    pid: i32,
    /// In ticks since the machine booted.
    started: u64,
}

impl Process {
    /// The process that has this number now.
    pub fn of(pid: i32) -> Option<Self> {
        let (state, started) = stat(pid)?;
        (!matches!(state, 'Z' | 'X')).then_some(Self { pid, started })
    }

    /// Whether it lives. One that ended and was not yet waited for does not.
    pub fn lives(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Sends a signal; nothing happens when it is gone.
    pub fn signal(self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.pid).filter(|_| self.lives()) {
            // It may end between the look and the signal.
            let _ = kill_process(pid, signal);
        }
    }

    /// A living process that was started with this in its environment: its record may have been
    /// lost, when the agent was killed between starting it and writing it down.
    pub fn marked(mark: &str) -> Option<Self> {
        let all = std::fs::read_dir("/proc").ok()?;
        let pids = all.filter_map(|e| e.ok()?.file_name().to_str()?.parse::<i32>().ok());
        pids.filter(|pid| has_mark(*pid, mark)).find_map(Self::of)
    }
}

fn has_mark(pid: i32, mark: &str) -> bool {
    let environment = std::fs::read(Path::new("/proc").join(pid.to_string()).join("environ"));
    environment.is_ok_and(|e| e.split(|b| *b == 0).any(|word| word == mark.as_bytes()))
}

/// State and start time: proc(5), fields 3 and 22. The name before them may hold anything.
fn stat(pid: i32) -> Option<(char, u64)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_one_that_had_its_number_earlier_does_not() {
        let own = Process::of(std::process::id() as i32).unwrap();
        assert!(own.lives());
        assert!(!Process { started: own.started - 1, ..own }.lives());
    }

    #[test]
    fn a_process_is_found_by_its_mark_alone() {
        let mark = format!("DAMM_TEST=mark-{}", std::process::id());
        let (name, value) = mark.split_once('=').unwrap();
        let mut child =
            std::process::Command::new("sleep").arg("60").env(name, value).spawn().unwrap();
        let found = Process::marked(&mark);
        child.kill().unwrap();
        assert!(!found.unwrap().lives() || found.unwrap().pid == child.id() as i32);
        child.wait().unwrap();
        assert!(!found.unwrap().lives());
        assert_eq!(Process::marked(&mark), None);
    }
}
