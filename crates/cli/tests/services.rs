//! The programs beside the agent: started, found again, changed and ended, with real clients.
//!
//! Each test runs again in network, mount and process namespaces of its own, which needs root.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use damm_node::service::{Services, WITNESS_UID};
use damm_node::transport::{INTERFACE, internal_port};
use damm_protocol::{RoleConfig, TunnelAddresses, witness_addresses};
use shadowsocks::ServerConfig;
use shadowsocks::config::ServerType;
use shadowsocks::context::Context;
use shadowsocks::crypto::CipherKind;
use shadowsocks::relay::tcprelay::ProxyClientStream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

mod namespaces;
mod served;

use namespaces::alone;
use served::witness::{is_signed, signs, witnessed};
use served::{Client, client, credential, ingress, ip, services, soon};

/// The processes whose command line holds a word.
fn processes(word: &str) -> Vec<i32> {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok());
    let has = |pid: &i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ").contains(word)
    };
    pids.filter(|pid| *pid != std::process::id() as i32).filter(has).collect()
}

/// The one process whose command line holds a word, once there is one: while a process becomes
/// another program it has no command line.
async fn only(word: &str) -> i32 {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        if let [pid] = processes(word)[..] {
            return pid;
        }
        assert!(Instant::now() < until, "{word}: not one process");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// An address of the internet, in this namespace, at which what comes goes back.
async fn echo() -> SocketAddr {
    ip("address add 203.0.113.80/32 dev lo");
    let listener = TcpListener::bind("203.0.113.80:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                drop(tokio::io::copy(&mut read, &mut write).await);
            });
        }
    });
    address
}

async fn comes_back(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).await.unwrap();
    let mut back = vec![0; bytes.len()];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(back, bytes);
}

/// A real trojan client that brings a port of this machine to `to`.
fn trojan(dir: &Path, port: u16, number: u8, to: SocketAddr, services: &Services) -> Client {
    let public = &services.public_params()["trojan"];
    let certificate = dir.join("certificate.pem");
    let der = &public["certificate"];
    let pem = format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n");
    std::fs::write(&certificate, pem).unwrap();
    let config = serde_json::json!({
        "run_type": "forward", "local_addr": "127.0.0.1", "local_port": port,
        "remote_addr": "127.0.0.1", "remote_port": internal_port("trojan"),
        "target_addr": to.ip(), "target_port": to.port(),
        "password": [client(number).password().expose()], "udp_timeout": 60, "log_level": 4,
        "ssl": { "verify": true, "verify_hostname": true, "cert": certificate,
            "cipher": "", "cipher_tls13": "", "sni": public["server_name"], "alpn": [],
            "reuse_session": true, "session_ticket": false, "curves": "" },
        "tcp": { "no_delay": true, "keep_alive": true, "reuse_port": false, "fast_open": false,
            "fast_open_qlen": 20 },
    });
    let path = dir.join(format!("client-{port}.json"));
    std::fs::write(&path, config.to_string()).unwrap();
    let mut client = Command::new("trojan");
    Client(client.arg("--config").arg(path).stdin(Stdio::null()).spawn().unwrap())
}

async fn through(port: u16) -> TcpStream {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await {
            return stream;
        }
        assert!(Instant::now() < until, "nothing listens at port {port}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether a stream brings anything back before it ends.
async fn is_served(mut stream: TcpStream) -> bool {
    let mut byte = [0];
    // The other side may have hung up already.
    drop(stream.write_all(b"x").await);
    stream.read(&mut byte).await.is_ok_and(|n| n == 1)
}

#[test]
fn a_trojan_client_gets_through_and_new_credentials_cut_no_stream() {
    alone("a_trojan_client_gets_through_and_new_credentials_cut_no_stream", &["trojan"], async {
        let dir = tempfile::tempdir().unwrap();
        let echo = echo().await;
        let mut services = services(dir.path()).await;
        services.apply(&ingress(&["trojan"], &[1])).await.unwrap();
        let _client = trojan(dir.path(), 9001, 1, echo, &services);
        let _client = trojan(dir.path(), 9002, 2, echo, &services);
        let mut standing = through(9001).await;
        comes_back(&mut standing, b"before").await;
        assert!(!is_served(through(9002).await).await, "a password of nobody's was let in");
        services.apply(&ingress(&["trojan"], &[2])).await.unwrap();
        assert!(is_served(through(9002).await).await);
        assert!(!is_served(through(9001).await).await, "who is gone was let in");
        assert_eq!(services.health().await, []);
        comes_back(&mut standing, b"after").await;
        assert_eq!(processes("transport-trojan.").len(), 2);
        drop(standing);
        let until = Instant::now() + Duration::from_secs(60);
        while processes("transport-trojan.").len() > 1 {
            assert!(Instant::now() < until, "a process without connections was kept");
            services.health().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        services.apply(&ingress(&[], &[])).await.unwrap();
        assert_eq!(processes("trojan.json").len() + processes("relay-trojan").len(), 0);
    });
}

#[test]
fn programs_outlive_the_agent_are_found_again_and_are_started_when_they_die() {
    alone("programs_outlive_the_agent_are_found_again_and_are_started_when_they_die", &[], async {
        let dir = tempfile::tempdir().unwrap();
        let config = ingress(&["shadowsocks"], &[1]);
        let mut first = services(dir.path()).await;
        first.apply(&config).await.unwrap();
        let public = first.public_params().clone();
        let pid = only("node shadowsocks").await;
        drop(first);
        let mut second = services(dir.path()).await;
        second.apply(&config).await.unwrap();
        assert_eq!(second.public_params(), &public);
        assert_eq!(only("node shadowsocks").await, pid);
        // Its record is lost, as when the agent is killed between starting it and writing it down.
        std::fs::remove_dir_all(dir.path().join("run/processes")).unwrap();
        let mut third = services(dir.path()).await;
        third.apply(&config).await.unwrap();
        assert!(processes("node shadowsocks").len() <= 1, "it was started beside itself");
        let pid = only("node shadowsocks").await;
        assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
        soon("its end", || processes("node shadowsocks").is_empty()).await;
        let until = Instant::now() + Duration::from_secs(60);
        while processes("node shadowsocks").is_empty() {
            assert!(Instant::now() < until, "it was not started again");
            third.health().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        third.apply(&ingress(&[], &[])).await.unwrap();
        assert_eq!(processes("node shadowsocks"), Vec::<i32>::new());
    });
}

#[test]
fn a_wireguard_client_gets_through_and_others_coming_and_going_do_not_touch_it() {
    let name = "a_wireguard_client_gets_through_and_others_coming_and_going_do_not_touch_it";
    alone(name, &["wg", "wireguard-go", "ping"], async {
        let dir = tempfile::tempdir().unwrap();
        let mut services = services(dir.path()).await;
        services.apply(&ingress(&["wireguard"], &[1])).await.unwrap();
        let server_key = services.public_params()["wireguard"]["public_key"].clone();
        // The client has a network namespace of its own, reached by a pair of interfaces.
        ip("netns add client
            link add in0 type veth peer name out0 netns client
            address add 192.0.2.1/24 dev in0
            link set in0 up
            -n client address add 192.0.2.2/24 dev out0
            -n client link set out0 up");
        let _tunnel = client_tunnel(dir.path(), &server_key, 1).await;
        assert!(reaches_the_server(), "the client's packets do not come through");
        let before = handshakes();
        assert_eq!(before.lines().count(), 1);
        services.apply(&ingress(&["wireguard"], &[1, 2, 3])).await.unwrap();
        services.apply(&ingress(&["wireguard"], &[1, 3])).await.unwrap();
        assert!(reaches_the_server());
        let line = before.trim();
        assert!(handshakes().contains(line), "{before} became {}", handshakes());
        assert_eq!(handshakes().lines().count(), 2);
        services.apply(&ingress(&["wireguard"], &[3])).await.unwrap();
        assert!(!reaches_the_server(), "a client that is gone was served");
        assert_eq!(services.health().await, []);
        services.apply(&ingress(&["wireguard"], &[1])).await.unwrap();
        let pid = only("node wireguard").await;
        assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
        soon("its end", || processes("node wireguard").is_empty()).await;
        let until = Instant::now() + Duration::from_secs(60);
        // What it held is let go a moment after it is gone from view.
        while services.health().await.is_empty() {
            assert!(Instant::now() < until, "nobody saw that the interface is gone");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        soon("the interface with its peer", || handshakes().lines().count() == 1).await;
        services.apply(&ingress(&[], &[])).await.unwrap();
        assert!(!Path::new("/var/run/wireguard").join(format!("{INTERFACE}.sock")).exists());
    });
}

async fn client_tunnel(dir: &Path, server_key: &str, number: u8) -> Client {
    let netns = |words: &[&str]| {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", "client"]).args(words).stdin(Stdio::null());
        command
    };
    let mut tunnel = netns(&["wireguard-go", "-f", "wg-client"]);
    let tunnel = Client(tunnel.stdout(Stdio::null()).spawn().unwrap());
    let socket = Path::new("/var/run/wireguard/wg-client.sock");
    soon("wireguard-go", || socket.exists()).await;
    let config = dir.join("client.conf");
    let text = format!(
        "[Interface]\nPrivateKey = {}\n[Peer]\nPublicKey = {server_key}\n\
         AllowedIPs = 0.0.0.0/0, ::/0\nEndpoint = 192.0.2.1:{}\n",
        client(number).wireguard().expose(),
        internal_port("wireguard")
    );
    std::fs::write(&config, text).unwrap();
    let words = ["wg", "setconf", "wg-client", config.to_str().unwrap()];
    assert!(netns(&words).status().unwrap().success());
    let addresses = credential(number).id.addresses();
    ip(&format!(
        "-n client address add {}/32 dev wg-client
         -n client link set wg-client mtu 1340 up
         -n client route add 100.64.0.1/32 dev wg-client",
        addresses.v4
    ));
    tunnel
}

fn reaches_the_server() -> bool {
    let server = IpAddr::from(TunnelAddresses::SERVER.v4).to_string();
    let words = ["netns", "exec", "client", "ping", "-c", "3", "-i", "0.2", "-W", "2", &server];
    Command::new("ip").args(words).stdout(Stdio::null()).status().unwrap().success()
}

fn handshakes() -> String {
    let output =
        Command::new("wg").args(["show", INTERFACE, "latest-handshakes"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn each_client_of_shadowsocks_has_one_source_within_the_session_prefix() {
    alone("each_client_of_shadowsocks_has_one_source_within_the_session_prefix", &[], async {
        let dir = tempfile::tempdir().unwrap();
        ip("address add 203.0.113.80/32 dev lo
            address add 2001:db8::80/128 dev lo nodad
            route add local 10.64.4.0/22 dev lo
            -6 route add local fd00:0:0:4::/64 dev lo");
        let clients = (1..=20).collect::<Vec<_>>();
        let config = ingress(&["shadowsocks"], &clients);
        let RoleConfig::Ingress(ingress) = &config.role else { unreachable!() };
        let mut services = services(dir.path()).await;
        services.apply(&config).await.unwrap();
        for host in ["203.0.113.80", "2001:db8::80"] {
            let internet = TcpListener::bind((host, 0)).await.unwrap();
            let mut sources = BTreeSet::new();
            for client in &clients {
                let one = source(&services, *client, &internet).await;
                assert_eq!(one, source(&services, *client, &internet).await);
                match one {
                    IpAddr::V4(v4) => assert!(ingress.sessions4.contains(&v4), "{v4}"),
                    IpAddr::V6(v6) => assert!(ingress.sessions6.contains(&v6), "{v6}"),
                }
                sources.insert(one);
            }
            assert!(sources.len() > 10, "twenty clients share {sources:?}");
        }
    });
}

/// Whence a client's connection is seen to come.
async fn source(services: &Services, number: u8, internet: &TcpListener) -> IpAddr {
    let server_key = &services.public_params()["shadowsocks"]["server_key"];
    let password = format!("{server_key}:{}", client(number).shadowsocks().expose());
    let server = SocketAddr::from(([127, 0, 0, 1], internal_port("shadowsocks")));
    let method = CipherKind::AEAD2022_BLAKE3_AES_256_GCM;
    let config = ServerConfig::new(server, password, method).unwrap();
    while TcpStream::connect(server).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (context, to) = (Context::new_shared(ServerType::Local), internet.local_addr().unwrap());
    let mut stream = ProxyClientStream::connect(context, &config, to).await.unwrap();
    // The request goes with the first bytes.
    stream.write_all(b"x").await.unwrap();
    internet.accept().await.unwrap().1.ip()
}

#[test]
fn the_witness_follows_the_config_and_its_end_is_nobodys_problem() {
    alone("the_witness_follows_the_config_and_its_end_is_nobodys_problem", &[], async {
        let dir = tempfile::tempdir().unwrap();
        // Before its address is there.
        let mut first = services(dir.path()).await;
        first.apply(&witnessed(7, 1)).await.unwrap();
        let pid = only("node witness").await;
        ip("address add 100.64.0.1/32 dev lo");
        signs(7, 1).await;
        drop(first);
        let mut second = services(dir.path()).await;
        second.apply(&witnessed(8, 2)).await.unwrap();
        signs(8, 2).await;
        assert!(!is_signed(7, 1).await && !is_signed(7, 2).await && !is_signed(8, 1).await);
        assert_eq!(only("node witness").await, pid, "it was started anew");
        let settings = dir.path().join("run/services/witness/settings.json");
        let about = std::fs::metadata(&settings).unwrap();
        assert_eq!((about.mode() & 0o777, about.uid()), (0o600, WITNESS_UID));
        assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
        soon("its end", || processes("node witness").is_empty()).await;
        let until = Instant::now() + Duration::from_secs(60);
        while processes("node witness").is_empty() {
            assert!(Instant::now() < until, "it was not started again");
            assert_eq!(second.health().await, []);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        signs(8, 2).await;
        second.apply(&ingress(&[], &[])).await.unwrap();
        assert_eq!(processes("node witness"), Vec::<i32>::new());
        // Another has its port: the config is in force all the same.
        let _other = TcpListener::bind(witness_addresses()[0]).await.unwrap();
        second.apply(&witnessed(7, 1)).await.unwrap();
        soon("its end", || processes("node witness").is_empty()).await;
        assert_eq!(second.health().await, []);
    });
}

#[test]
fn the_resolver_of_an_egress_answers_where_clients_ask_and_from_whom_it_is_told_to() {
    let name = "the_resolver_of_an_egress_answers_where_clients_ask_and_from_whom_it_is_told_to";
    alone(name, &["unbound"], async {
        let dir = tempfile::tempdir().unwrap();
        ip(&format!(
            "address add {}/32 dev lo
             address add 203.0.113.53/32 dev lo",
            TunnelAddresses::RESOLVER.v4
        ));
        let upstream = tokio::net::UdpSocket::bind("203.0.113.53:53").await.unwrap();
        tokio::spawn(answer_all(upstream));
        let params = dir.path().join("etc/params");
        std::fs::create_dir_all(&params).unwrap();
        let forward = r#"{ "forward": "203.0.113.53" }"#;
        std::fs::write(params.join("resolver.json"), forward).unwrap();
        let mut services = services(dir.path()).await;
        let mut config = ingress(&[], &[]);
        config.role = RoleConfig::Egress(damm_protocol::EgressConfig {
            ingresses: BTreeMap::new(),
            addresses: BTreeMap::new(),
        });
        services.apply(&config).await.unwrap();
        let socket = tokio::net::UdpSocket::bind("0.0.0.0:0").await.unwrap();
        let mut answer = [0; 512];
        let question = b"\x01\x02\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\0\0\x01\0\x01";
        let length = loop {
            socket.send_to(question, (TunnelAddresses::RESOLVER.v4, 53)).await.unwrap();
            let received = socket.recv(&mut answer);
            match tokio::time::timeout(Duration::from_secs(1), received).await {
                Ok(Ok(length)) => break length,
                _ => drop(services.health().await),
            }
        };
        assert!(answer[..length].ends_with(&[203, 0, 113, 7]), "{:?}", &answer[..length]);
        services.apply(&ingress(&[], &[])).await.unwrap();
        assert_eq!(processes("unbound.conf"), Vec::<i32>::new());
    });
}

/// An upstream that knows one address for every name.
async fn answer_all(socket: tokio::net::UdpSocket) {
    let mut buffer = [0; 1500];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
        let name = buffer[12..length].iter().position(|b| *b == 0).unwrap();
        let end = 12 + name + 5;
        let mut answer = buffer[..end].to_vec();
        (answer[2], answer[3]) = (0x81, 0x80);
        (answer[6], answer[7]) = (0, u8::from(answer[end - 3] == 1));
        (answer[10], answer[11]) = (0, 0);
        if answer[7] == 1 {
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 203, 0, 113, 7]);
        }
        socket.send_to(&answer, from).await.unwrap();
    }
}
