//! The adapter against a real PowerDNS, with SQLite behind it.
#![cfg(feature = "powerdns")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod servers;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use async_trait::async_trait;
use damm_clouds::{Dns, ManualClock};
use damm_conformance::{Aim, DnsVendor, FLEET, Trouble, Vendor};
use damm_doubles::{Answer, Api, Asked, Front, Upstream};
use damm_fleet::blueprint::RecordSet;
use damm_fleet::{FailureClass, Span, Timestamp};
use damm_vendors::http::{Ask, Auth, Method};
use damm_vendors::registry::adapter;
use serde_json::{Value, json};
use servers::{ABSENT, Daemon, account_by, free_port, listens, local, program, write};

const ZONE: &str = "fleet.example";
const KEY: &str = "suite-key-that-nobody-may-ever-read";
const SCHEMA: [&str; 2] = [
    "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql",
    "/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql",
];

/// A PowerDNS with the suite's zone.
struct Server {
    _daemon: Daemon,
    url: String,
}

/// What a fresh database holds.
fn schema() -> Option<PathBuf> {
    SCHEMA.map(PathBuf::from).into_iter().find(|file| file.exists())
}

fn set_up(dir: &Path, sqlite: &Path) -> (Vec<String>, u16) {
    let (dns, api) = (free_port(), free_port());
    let schema = std::fs::read_to_string(schema().unwrap()).unwrap();
    write(dir, "schema.sql", &schema);
    let mut make = Command::new(sqlite);
    make.args(["-batch", "db", ".read schema.sql"]).current_dir(dir);
    assert!(make.output().unwrap().status.success());
    let path = dir.display();
    let config = format!(
        "launch=gsqlite3\ngsqlite3-database={path}/db\ngsqlite3-pragma-synchronous=0\n\
         local-address=127.0.0.1\nlocal-port={dns}\nreceiver-threads=1\n\
         api=yes\napi-key={KEY}\nwebserver=yes\nwebserver-address=127.0.0.1\n\
         webserver-port={api}\nwebserver-allow-from=127.0.0.1\nsocket-dir={path}\n\
         guardian=no\ndaemon=no\ndisable-syslog=yes\nzone-cache-refresh-interval=0\n"
    );
    write(dir, "pdns.conf", &config);
    (vec![format!("--config-dir={path}")], api)
}

impl Server {
    async fn start() -> Option<Self> {
        let (server, sqlite) = (program("pdns_server")?, program("sqlite3")?);
        schema().or_else(|| program("the schema of pdns-backend-sqlite3"))?;
        let set_up = |dir: &Path| set_up(dir, &sqlite);
        let (daemon, port) = Daemon::start(&server, set_up, |port| listens(*port));
        let server = Self { _daemon: daemon, url: format!("http://{}", local(port)) };
        let zone = json!({
            "name": format!("{ZONE}."), "kind": "Native", "nameservers": [format!("ns.{ZONE}.")],
        });
        server.ask(Method::POST, "", &zone).await;
        Some(server)
    }

    /// Somebody else's request, about zones.
    async fn ask(&self, method: Method, path: &str, body: &Value) -> Value {
        let account = account_by(provider(&self.url), KEY, Arc::new(ManualClock::default()));
        let http = account.http(Auth::Header("x-api-key", account.token().unwrap()), None);
        let ask = Ask::new("be somebody else", method, format!("/zones{path}")).json(body);
        let reply = http.unwrap().send(ask).await.unwrap();
        assert!(reply.is_success(), "{}", String::from_utf8_lossy(&reply.body));
        reply.value()
    }

    /// Somebody else's record set.
    async fn put(&self, name: &str, kind: &str, content: &[String], comments: Value) {
        let records: Vec<_> =
            content.iter().map(|c| json!({ "content": c, "disabled": false })).collect();
        let set = json!({
            "name": format!("{name}."), "type": kind, "ttl": 300, "changetype": "REPLACE",
            "records": records, "comments": comments,
        });
        self.ask(Method::PATCH, &format!("/{ZONE}."), &json!({ "rrsets": [set] })).await;
    }

    fn client(&self, key: &str) -> Arc<dyn Dns> {
        client(&self.url, key, &ManualClock::default())
    }
}

fn provider(url: &str) -> Value {
    json!({ "kind": "powerdns", "endpoint": format!("{url}/api/v1/servers/localhost") })
}

fn client(url: &str, key: &str, clock: &ManualClock) -> Arc<dyn Dns> {
    adapter(account_by(provider(url), key, Arc::new(clock.clone()))).unwrap().dns.unwrap()
}

fn set(addresses: &[&str]) -> RecordSet {
    let addresses = addresses.iter().map(|a| a.parse().unwrap()).collect();
    RecordSet { addresses, ttl: Span::from_mins(5) }
}

/// PowerDNS behind a front, which says no as PowerDNS does.
struct Behind(Upstream);

#[async_trait]
impl Api for Behind {
    async fn answer(&self, asked: &Asked) -> Answer {
        self.0.pass_on(asked).await
    }

    fn refused(&self, words: &str) -> Answer {
        Answer::json(422, &json!({ "error": words }))
    }
}

struct Suite {
    running: Option<(Server, Front)>,
    clock: ManualClock,
}

async fn fresh() -> Suite {
    let running = Server::start().await.map(|server| {
        let behind = Behind(Upstream::at(&server.url));
        (server, Front::over(Arc::new(behind)))
    });
    Suite { running, clock: ManualClock::at(Timestamp::EPOCH) }
}

#[async_trait]
impl Vendor for Suite {
    async fn wait(&self, span: Span) {
        self.clock.advance(span);
    }

    fn patience(&self) -> Span {
        Span::from_mins(5)
    }

    fn makes(&self, trouble: Trouble) -> bool {
        !matches!(
            trouble,
            Trouble::Busy
                | Trouble::LateListings
                | Trouble::OutOfStock
                | Trouble::StuckCreates
                | Trouble::SlowDeletes
        )
    }

    async fn trouble(&self, trouble: Trouble, aim: Aim) {
        self.running.as_ref().unwrap().1.trouble(trouble, aim);
    }

    fn secrets(&self) -> Vec<String> {
        vec![KEY.to_owned()]
    }

    fn excuses(&self, _: &str) -> Option<&'static str> {
        self.running.is_none().then_some(ABSENT)
    }
}

#[async_trait]
impl DnsVendor for Suite {
    fn dns(&self) -> Arc<dyn Dns> {
        client(&self.running.as_ref().unwrap().1.url(), KEY, &self.clock)
    }

    fn zone(&self) -> String {
        ZONE.to_owned()
    }

    async fn put_foreign(&self, name: &str, set: &RecordSet) {
        let server = &self.running.as_ref().unwrap().0;
        for (kind, v4) in [("A", true), ("AAAA", false)] {
            let of_kind = set.addresses.iter().filter(|a| a.is_ipv4() == v4);
            let content: Vec<_> = of_kind.map(ToString::to_string).collect();
            if !content.is_empty() {
                server.put(name, kind, &content, json!([])).await;
            }
        }
    }

    fn many(&self) -> usize {
        // A listing is one answer, however long.
        60
    }
}

mod suite {
    use super::*;

    damm_conformance::names!(fresh());
}

#[tokio::test]
async fn a_name_that_another_one_stands_for_is_rejected() {
    let Some(server) = Server::start().await else { return };
    let (dns, name) = (server.client(KEY), format!("www.{ZONE}"));
    server.put(&name, "CNAME", &[format!("ns.{ZONE}.")], json!([])).await;
    let refused = dns.put_records(FLEET, ZONE, &name, &set(&["192.0.2.1"])).await;
    assert_eq!(refused.unwrap_err().class, FailureClass::Rejected);
}

#[tokio::test]
async fn what_others_wrote_beside_our_mark_stays() {
    let Some(server) = Server::start().await else { return };
    let (dns, name) = (server.client(KEY), format!("eu.{ZONE}"));
    let comment = |content: &str| json!({ "content": content, "account": "" });
    let comments = json!([comment("damm fleet=suite"), comment("ask Ann")]);
    server.put(&name, "A", &["192.0.2.1".to_owned()], comments).await;
    server.put(&name, "TXT", &["\"theirs\"".to_owned()], json!([])).await;
    dns.put_records(FLEET, ZONE, &name, &set(&["192.0.2.2"])).await.unwrap();
    let shown = server.ask(Method::GET, &format!("/{ZONE}."), &Value::Null).await;
    let text = shown.to_string();
    assert!(text.contains("ask Ann") && text.contains("192.0.2.2"), "{text}");
    dns.put_records(FLEET, ZONE, &name, &set(&[])).await.unwrap();
    let shown = server.ask(Method::GET, &format!("/{ZONE}."), &Value::Null).await;
    let text = shown.to_string();
    assert!(text.contains("theirs") && !text.contains("damm"), "{text}");
}

#[tokio::test]
async fn a_put_that_changes_nothing_writes_nothing() {
    let Some(server) = Server::start().await else { return };
    let (dns, name) = (server.client(KEY), format!("eu.{ZONE}"));
    let serial = async || {
        let zone = server.ask(Method::GET, &format!("/{ZONE}."), &Value::Null).await;
        zone["edited_serial"].as_u64().unwrap()
    };
    dns.put_records(FLEET, ZONE, &name, &set(&["192.0.2.1"])).await.unwrap();
    let before = serial().await;
    dns.put_records(FLEET, ZONE, &name, &set(&["192.0.2.1"])).await.unwrap();
    assert_eq!(serial().await, before);
}

#[tokio::test]
async fn a_key_that_the_server_does_not_know_is_rejected() {
    let Some(server) = Server::start().await else { return };
    let dns = server.client("another-key-of-somebody-else");
    let listed = dns.list_records(FLEET, ZONE).await.unwrap_err();
    assert_eq!(listed.class, FailureClass::Rejected);
    assert!(listed.message.contains("Unauthorized"), "{listed}");
    let name = format!("eu.{ZONE}");
    let put = dns.put_records(FLEET, ZONE, &name, &set(&["192.0.2.1"])).await;
    assert_eq!(put.unwrap_err().class, FailureClass::Rejected);
}
