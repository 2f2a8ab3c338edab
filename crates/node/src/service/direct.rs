//! Programs as processes of their own session, for machines without systemd.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::process::Process;
use super::program::{Program, Rights};
use super::{Places, ServiceError, files};

/// A log that is longer is emptied: it holds nothing but why a program would not start.
const LOG_LIMIT: u64 = 1 << 20;

/// How long a process may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(5);

/// A process that ran longer did not die of what killed it before.
const SETTLED: Duration = Duration::from_secs(60);

/// Shows files at other places, in a mount namespace of the program's own: `source target`, any
/// number of times, `--`, and the program.
const SHOW: &str =
    r#"while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit 1; shift 2; done; shift; exec "$@""#;

/// Processes that outlive the agent: each has its session, and a record of number and start time.
#[derive(Debug)]
pub(crate) struct Direct {
    records: PathBuf,
    logs: PathBuf,
    /// Tells this server's processes from those of others that share its process numbers.
    mark: String,
    deaths: Mutex<BTreeMap<String, Deaths>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    process: Process,
    digest: String,
}

/// How often a program died of late.
#[derive(Debug)]
struct Deaths {
    count: u32,
    started: Instant,
}

impl Deaths {
    /// 1, 2, 4, … seconds after the last start, a minute at most.
    fn wait(&self) -> Duration {
        Duration::from_secs(1 << self.count.min(6)).min(SETTLED)
    }
}

impl Direct {
    pub fn open(places: &Places) -> Result<Self, ServiceError> {
        let (records, logs) = (places.run.join("processes"), places.state.join("log"));
        files::directory(&records)?;
        files::directory(&logs)?;
        let mark = mark(&places.state.join("process-mark"))?;
        Ok(Self { records, logs, mark, deaths: Mutex::default() })
    }

    /// The names of all programs that were started and not stopped.
    pub fn known(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.records).into_iter().flatten().flatten();
        let names = entries.filter_map(|e| e.file_name().into_string().ok());
        names.filter_map(|n| n.strip_suffix(".json").map(str::to_owned)).collect()
    }

    pub fn runs(&self, name: &str) -> bool {
        self.record(name).is_some_and(|r| r.process.lives())
    }

    pub fn hang_up(&self, name: &str) {
        if let Some(record) = self.record(name) {
            record.process.signal(Signal::HUP);
        }
    }

    /// Starts a program unless it runs as it should. One that dies again and again is left alone
    /// for a while, and not running then is no error.
    pub async fn ensure(&self, program: &Program) -> Result<(), ServiceError> {
        let (name, digest) = (&program.name, program.digest());
        match self.record(name).filter(|r| r.process.lives()) {
            Some(record) if record.digest == digest => return self.bound_log(name),
            Some(_) => self.stop(name).await?,
            None => self.end(name).await?,
        }
        if self.is_time(name) { self.start(program, digest) } else { Ok(()) }
    }

    /// Ends a program. It is gone when this returns.
    pub async fn stop(&self, name: &str) -> Result<(), ServiceError> {
        self.deaths().remove(name);
        self.end(name).await
    }

    async fn end(&self, name: &str) -> Result<(), ServiceError> {
        let lost = || Process::marked(&self.mark_of(name));
        let recorded = self.record(name).map(|r| r.process).filter(|p| p.lives());
        if let Some(process) = recorded.or_else(lost) {
            process.signal(Signal::TERM);
            if !gone_within(process, PATIENCE).await {
                process.signal(Signal::KILL);
                gone_within(process, PATIENCE).await;
            }
        }
        files::remove(&self.record_path(name))
    }

    fn deaths(&self) -> MutexGuard<'_, BTreeMap<String, Deaths>> {
        self.deaths.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_time(&self, name: &str) -> bool {
        let (now, mut all) = (Instant::now(), self.deaths());
        let Some(deaths) = all.get_mut(name) else {
            all.insert(name.to_owned(), Deaths { count: 0, started: now });
            return true;
        };
        let ran = now - deaths.started;
        if ran < deaths.wait() {
            return false;
        }
        *deaths = Deaths { count: if ran > SETTLED { 0 } else { deaths.count + 1 }, started: now };
        true
    }

    fn start(&self, program: &Program, digest: String) -> Result<(), ServiceError> {
        let log = self.log_path(&program.name);
        let opened = std::fs::OpenOptions::new().create(true).append(true).open(&log);
        let output = opened.map_err(ServiceError::file(&log))?;
        let errors = output.try_clone().map_err(ServiceError::file(&log))?;
        let (name, value) = ("DAMM_SERVICE", self.mark_value(&program.name));
        let words = words(program);
        let child = Command::new("setsid")
            .args(&words)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env(name, value)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn();
        let failed =
            |why: String| ServiceError::Command { command: program.command.join(" "), why };
        let child = child.map_err(|e| failed(e.to_string()))?;
        // setsid does not fork here: a child never leads its process group before.
        let pid = child.id().and_then(|id| i32::try_from(id).ok());
        let process = pid.and_then(Process::of).ok_or_else(|| failed("it ended at once".into()))?;
        self.keep(&program.name, &Record { process, digest })
    }

    fn keep(&self, name: &str, record: &Record) -> Result<(), ServiceError> {
        let path = self.record_path(name);
        let text =
            serde_json::to_vec(record).map_err(|e| ServiceError::field(&path, "record", e))?;
        files::write(&path, 0, &text).map(drop)
    }

    fn record(&self, name: &str) -> Option<Record> {
        serde_json::from_slice(&std::fs::read(self.record_path(name)).ok()?).ok()
    }

    fn bound_log(&self, name: &str) -> Result<(), ServiceError> {
        let path = self.log_path(name);
        let long = std::fs::metadata(&path).is_ok_and(|m| m.len() > LOG_LIMIT);
        if !long {
            return Ok(());
        }
        // The process appends, so it goes on from the beginning.
        let file = std::fs::OpenOptions::new().write(true).open(&path);
        file.and_then(|f| f.set_len(0)).map_err(ServiceError::file(&path))
    }

    fn record_path(&self, name: &str) -> PathBuf {
        self.records.join(format!("{name}.json"))
    }

    fn log_path(&self, name: &str) -> PathBuf {
        self.logs.join(format!("{name}.log"))
    }

    fn mark_value(&self, name: &str) -> String {
        format!("{}/{name}", self.mark)
    }

    fn mark_of(&self, name: &str) -> String {
        format!("DAMM_SERVICE={}", self.mark_value(name))
    }
}

/// What setsid is to run: the program with its rights, seeing what it is shown.
fn words(program: &Program) -> Vec<String> {
    let mut words = Vec::new();
    if !program.shown.is_empty() {
        let unshare = ["unshare", "--mount", "--propagation", "private", "sh", "-c", SHOW, "sh"];
        words.extend(unshare.map(str::to_owned));
        for (target, source) in &program.shown {
            words.extend([source, target].map(|p| p.display().to_string()));
        }
        words.push("--".into());
    }
    words.extend(rights(program.rights));
    words.extend(program.command.iter().cloned());
    words
}

fn rights(rights: Rights) -> Vec<String> {
    let uid = rights.uid().to_string();
    let plain = ["setpriv", "--no-new-privs", "--clear-groups", "--reuid", &uid, "--regid", &uid];
    let capability = match rights {
        Rights::Interface => "--bounding-set=-all,+net_admin",
        Rights::Sockets(_) => "--bounding-set=-all",
        Rights::LowPorts(_) => "--bounding-set=-all,+net_bind_service",
    };
    let mut words = plain.map(str::to_owned).to_vec();
    words.push(capability.into());
    if let Rights::LowPorts(_) = rights {
        let more = ["--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service"];
        words.extend(more.map(str::to_owned));
    }
    words
}

async fn gone_within(process: Process, patience: Duration) -> bool {
    let until = Instant::now() + patience;
    while process.lives() {
        if Instant::now() > until {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    true
}

/// A word that is this server's alone, made once.
fn mark(path: &Path) -> Result<String, ServiceError> {
    if let Some(mark) = files::read(path)?.and_then(|m| String::from_utf8(m).ok()) {
        return Ok(mark);
    }
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).map_err(ServiceError::Random)?;
    let mark = bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    files::write(path, 0, mark.as_bytes())?;
    Ok(mark)
}
