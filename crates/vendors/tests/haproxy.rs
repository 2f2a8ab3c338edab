//! The adapter against a real HAProxy.
#![cfg(feature = "haproxy")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod servers;

use std::io::{Read, Write};
use std::net::{IpAddr, Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use damm_clouds::{Balancer, BalancerTarget};
use damm_conformance::{Aim, BalancerVendor, Trouble, Vendor};
use damm_fleet::{BalancerName, FailureClass, NodeId, Seed, Span};
use damm_vendors::registry::adapter;
use serde_json::json;
use servers::relay::{Relay, Speech};
use servers::{ABSENT, Daemon, account, free_port, listens, local, program, write};

/// A HAProxy with the backends `edge` and `hashed`, each with a server of somebody else's.
struct Server {
    daemon: Daemon,
    socket: u16,
    door: u16,
}

fn set_up(dir: &Path) -> (Vec<String>, (u16, u16)) {
    let (socket, door) = (free_port(), free_port());
    let config = format!(
        "global\n stats socket 127.0.0.1:{socket} level admin\n \
         stats socket unix@{dir}/admin.sock level admin\n \
         stats socket unix@{dir}/operator.sock level operator\n\
         defaults\n mode tcp\n timeout connect 5s\n timeout client 1m\n timeout server 1m\n\
         frontend door\n bind 127.0.0.1:{door}\n default_backend edge\n\
         backend edge\n balance roundrobin\n server theirs 127.0.0.1:1 disabled\n\
         backend hashed\n balance source\n server theirs 127.0.0.1:1\n",
        dir = dir.display()
    );
    write(dir, "haproxy.cfg", &config);
    let arguments = ["-db", "-f", "haproxy.cfg"].map(str::to_owned).into();
    (arguments, (socket, door))
}

impl Server {
    fn start() -> Option<Self> {
        let ready = |(socket, door): &(u16, u16)| listens(*socket) && listens(*door);
        let (daemon, (socket, door)) = Daemon::start(&program("haproxy")?, set_up, ready);
        Some(Self { daemon, socket, door })
    }

    fn balancer(&self) -> Arc<dyn Balancer> {
        at(&local(self.socket).to_string(), "").unwrap()
    }
}

fn at(endpoint: &str, options: &str) -> Result<Arc<dyn Balancer>, damm_vendors::SetupError> {
    let mut provider = json!({ "kind": "haproxy", "endpoint": endpoint });
    if !options.is_empty() {
        provider["settings"] = json!({ "server": options });
    }
    adapter(account(provider, "")).map(|parts| parts.balancer.unwrap())
}

fn edge() -> BalancerName {
    "edge".parse().unwrap()
}

fn node(number: u64) -> NodeId {
    Seed::from_number(number).node()
}

fn target(address: &str, port: u16) -> BalancerTarget {
    BalancerTarget { address: address.parse().unwrap(), port, draining: false }
}

struct Suite {
    relay: Option<Relay>,
    balancer: Option<Arc<dyn Balancer>>,
    _server: Option<Server>,
}

async fn fresh() -> Suite {
    let Some(server) = Server::start() else {
        return Suite { relay: None, balancer: None, _server: None };
    };
    let relay = Relay::to(local(server.socket), Speech::Line).await;
    let balancer = at(&relay.address.to_string(), "").unwrap();
    Suite { relay: Some(relay), balancer: Some(balancer), _server: Some(server) }
}

#[async_trait]
impl Vendor for Suite {
    async fn wait(&self, _: Span) {}

    fn patience(&self) -> Span {
        Span::ZERO
    }

    fn makes(&self, trouble: Trouble) -> bool {
        matches!(
            trouble,
            Trouble::LostAnswers
                | Trouble::FailedRequests
                | Trouble::TruncatedAnswers
                | Trouble::GarbledAnswers
        )
    }

    async fn trouble(&self, trouble: Trouble, aim: Aim) {
        self.relay.as_ref().unwrap().trouble(trouble, aim);
    }

    fn excuses(&self, _: &str) -> Option<&'static str> {
        self.relay.is_none().then_some(ABSENT)
    }
}

#[async_trait]
impl BalancerVendor for Suite {
    fn balancer(&self) -> Arc<dyn Balancer> {
        self.balancer.clone().unwrap()
    }

    fn balancer_name(&self) -> BalancerName {
        edge()
    }

    async fn target(&self, number: usize) -> (NodeId, BalancerTarget) {
        (node(number as u64), target(&format!("192.0.2.{number}"), 443))
    }
}

mod suite {
    use super::*;

    damm_conformance::balancers!(fresh());
}

/// A node that says its name to whoever connects, and then repeats what it hears.
fn echo(name: u8) -> BalancerTarget {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            std::thread::spawn(move || {
                let (mut byte, mut heard) = ([name], stream.try_clone().unwrap());
                while stream.write_all(&byte).is_ok() && heard.read_exact(&mut byte).is_ok() {}
            });
        }
    });
    target("127.0.0.1", port)
}

/// A connection through HAProxy, and the name that the node behind it says.
fn connect(server: &Server) -> (TcpStream, u8) {
    let mut stream = TcpStream::connect(local(server.door)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut name = [0];
    stream.read_exact(&mut name).unwrap();
    (stream, name[0])
}

fn says(stream: &mut TcpStream, byte: u8) -> bool {
    let mut heard = [0];
    stream.write_all(&[byte]).is_ok() && stream.read_exact(&mut heard).is_ok() && heard == [byte]
}

#[tokio::test]
async fn a_draining_target_keeps_its_connections_and_gets_no_new_ones() {
    let Some(server) = Server::start() else { return };
    let balancer = server.balancer();
    let (one, two) = (echo(1), echo(2));
    balancer.put_target(&edge(), node(1), &one).await.unwrap();
    let (mut old, name) = connect(&server);
    assert_eq!(name, 1);
    balancer.put_target(&edge(), node(2), &two).await.unwrap();
    let draining = BalancerTarget { draining: true, ..one.clone() };
    balancer.put_target(&edge(), node(1), &draining).await.unwrap();
    assert!((0..6).all(|_| connect(&server).1 == 2));
    assert!(says(&mut old, 7), "it was cut off");
    balancer.put_target(&edge(), node(1), &one).await.unwrap();
    assert!((0..6).any(|_| connect(&server).1 == 1));
}

#[tokio::test]
async fn a_target_with_connections_is_removed_and_they_end() {
    let Some(server) = Server::start() else { return };
    let balancer = server.balancer();
    balancer.put_target(&edge(), node(1), &echo(1)).await.unwrap();
    let (mut stream, _) = connect(&server);
    // HAProxy may still hold a connection that it was just told to end.
    for _ in 0..500 {
        match balancer.remove_target(&edge(), node(1)).await {
            Ok(()) => break,
            Err(e) => assert_eq!(e.class, FailureClass::Busy, "{e}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(balancer.list_targets(&edge()).await.unwrap().is_empty());
    assert!(!says(&mut stream, 7));
    drop(stream.shutdown(Shutdown::Both));
}

#[tokio::test]
async fn a_target_moves_to_another_address() {
    let Some(server) = Server::start() else { return };
    let balancer = server.balancer();
    for (address, port) in [("192.0.2.1", 443), ("192.0.2.1", 8443), ("2001:db8::1", 443)] {
        for draining in [false, true] {
            let put = BalancerTarget { draining, ..target(address, port) };
            balancer.put_target(&edge(), node(1), &put).await.unwrap();
            let shown = balancer.list_targets(&edge()).await.unwrap();
            assert_eq!(shown, [(node(1), put)].into());
        }
    }
}

#[tokio::test]
async fn a_socket_of_this_machine_will_do() {
    let Some(server) = Server::start() else { return };
    let path = |name: &str| format!("unix:{}", server.daemon.dir().join(name).display());
    let balancer = at(&path("admin.sock"), "").unwrap();
    let put = target("2001:db8::1", 443);
    balancer.put_target(&edge(), node(1), &put).await.unwrap();
    let shown = balancer.list_targets(&edge()).await.unwrap();
    assert_eq!(shown, [(node(1), put)].into());
    let nobody = at(&path("nobody.sock"), "").unwrap().list_targets(&edge()).await;
    assert_eq!(nobody.unwrap_err().class, FailureClass::Busy);
}

#[tokio::test]
async fn a_socket_that_may_only_look_is_rejected() {
    let Some(server) = Server::start() else { return };
    let socket = server.daemon.dir().join("operator.sock");
    let balancer = at(&format!("unix:{}", socket.display()), "").unwrap();
    let refused = balancer.put_target(&edge(), node(1), &target("192.0.2.1", 443)).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.class, FailureClass::Rejected);
    assert!(refused.message.contains("level admin"), "{refused}");
}

#[tokio::test]
async fn a_backend_that_servers_cannot_be_added_to_is_rejected() {
    let Some(server) = Server::start() else { return };
    let (balancer, hashed) = (server.balancer(), "hashed".parse().unwrap());
    let refused = balancer.put_target(&hashed, node(1), &target("192.0.2.1", 443)).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.class, FailureClass::Rejected);
    assert!(refused.message.contains("dynamic"), "{refused}");
    assert!(balancer.list_targets(&hashed).await.unwrap().is_empty());
}

#[tokio::test]
async fn servers_are_added_as_the_setting_says() {
    let Some(server) = Server::start() else { return };
    let endpoint = local(server.socket).to_string();
    let checked = at(&endpoint, "check inter 200ms send-proxy-v2").unwrap();
    checked.put_target(&edge(), node(1), &target("192.0.2.1", 443)).await.unwrap();
    let wrong = at(&endpoint, "no-such-word").unwrap();
    let refused = wrong.put_target(&edge(), node(2), &target("192.0.2.2", 443)).await;
    assert_eq!(refused.unwrap_err().class, FailureClass::Rejected);
    assert_eq!(wrong.list_targets(&edge()).await.unwrap().len(), 1);
}

#[test]
fn what_can_be_no_socket_and_no_setting_is_refused_before_any_call() {
    for endpoint in ["unix:relative", "127.0.0.1", "127.0.0.1:x", "http://127.0.0.1:1"] {
        assert!(at(endpoint, "").is_err(), "{endpoint}");
    }
    for options in ["check; shutdown", "check\nshutdown"] {
        assert!(at("127.0.0.1:1", options).is_err(), "{options}");
    }
    let v6: IpAddr = "::1".parse().unwrap();
    assert!(at(&format!("[{v6}]:9999"), "check").is_ok());
}
