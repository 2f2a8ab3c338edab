//! Real apps with what is written for them: they get through a node's real doors.
//!
//! Each test runs again in network, mount and process namespaces of its own, which needs root. The
//! client has a namespace within, with a route past the doors too: where its question seems to come
//! from tells whether it went through one.

#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use damm_catalog::{Catalog, Front, SCHEMA};
use damm_fleet::{FrontdoorId, RegionName, Span, Timestamp};
use damm_formats::{Format, Identity, Settings, Subscription, Wanted};
use damm_needs::Need;
use damm_node::service::Services;
use damm_node::transport::internal_port;
use damm_protocol::CredentialId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

mod namespaces;
mod served;

use namespaces::alone;
use served::{Client, client, ingress, ip, services};

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

/// Where the client is, when it goes past the doors.
const PAST: &str = "192.0.2.2";

/// As long as an app may take: under load its first look may miss a door, and it looks again after
/// a minute.
const PATIENCE: Duration = Duration::from_secs(240);

/// mihomo's own port on the client's machine, as the config has it.
const MIHOMO: &str = "7890";

/// What every test needs.
const PROGRAMS: [&str; 4] = ["trojan", "wg", "wireguard-go", "python3"];

/// A node that serves, a client's machine, and a place on the internet.
struct World {
    dir: tempfile::TempDir,
    services: Services,
    internet: SocketAddr,
}

impl World {
    async fn new(kinds: &[&str]) -> Self {
        ip("netns add client
            link add in0 type veth peer name out0 netns client
            address add 192.0.2.1/24 dev in0
            address add 2001:db8:2::1/64 dev in0 nodad
            link set in0 up
            -n client link set lo up
            -n client address add 192.0.2.2/24 dev out0
            -n client address add 2001:db8:2::2/64 dev out0 nodad
            -n client link set out0 up
            -n client route add default via 192.0.2.1
            -n client -6 route add default via 2001:db8:2::1
            address add 203.0.113.80/32 dev lo
            route add local 10.64.4.0/22 dev lo
            -6 route add local fd00:0:0:4::/64 dev lo");
        let dir = tempfile::tempdir().unwrap();
        let internet = internet().await;
        let mut services = services(dir.path()).await;
        services.apply(&ingress(kinds, &[1])).await.unwrap();
        let until = Instant::now() + Duration::from_secs(60);
        while services.listening().len() < kinds.len() {
            assert!(Instant::now() < until, "not all of {kinds:?} are served");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self { dir, services, internet }
    }

    /// The node's door of a kind, as its agent tells of it.
    fn front(&self, n: u64, address: &str, kind: &str) -> Front {
        Front {
            id: FrontdoorId::from_raw(n),
            address: address.parse().unwrap(),
            port: internal_port(kind),
            transport: kind.to_owned(),
            params: self.services.public_params()[kind].clone(),
        }
    }

    /// What the client is told, in a format, in a file.
    fn write(&self, fronts: Vec<Front>, format: Format, file: &str) -> PathBuf {
        let catalog = catalog(fronts);
        let identity = Identity::of_client(&client(1), CredentialId::new(1).unwrap());
        let settings = Settings {
            test_url: format!("http://{}/", self.internet),
            // The app in the registry was built without uTLS.
            browser: (format != Format::SingBox).then(|| "chrome".to_owned()),
            ..Settings::default()
        };
        let subscription = Subscription {
            catalog: &catalog,
            signed: b"",
            identity: &identity,
            settings: &settings,
        };
        let document = subscription.render(Wanted::first(format), NOW).unwrap();
        let path = self.dir.path().join(file);
        std::fs::write(&path, document.bytes).unwrap();
        path
    }

    /// Whence the client's question comes to the internet, once it does not go past the doors.
    async fn source(&self, protocol: &str, proxy: Option<&str>) -> IpAddr {
        let (host, port) = (self.internet.ip().to_string(), self.internet.port().to_string());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/served/reach.py");
        let until = Instant::now() + PATIENCE;
        loop {
            let words = ["python3", script.to_str().unwrap(), protocol, &host, &port];
            // Who answers is in this process, so it must not stand still meanwhile.
            let mut ask = tokio::process::Command::from(inside(&words));
            let told = ask.args(proxy).output().await.unwrap().stdout;
            let told = String::from_utf8(told).unwrap();
            match told.trim().parse::<IpAddr>() {
                Ok(source) if source.to_string() != PAST => return source,
                other => assert!(Instant::now() < until, "nothing got through: {other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn catalog(fronts: Vec<Front>) -> Catalog {
    Catalog {
        schema: SCHEMA,
        fleet: "example".to_owned(),
        region: RegionName::new("eu-north").unwrap(),
        audience: "a".repeat(32).parse().unwrap(),
        version: 1,
        not_before: NOW,
        expires: NOW + Span::from_hours(6),
        fronts,
    }
}

/// A command on the client's machine.
fn inside(words: &[&str]) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", "client"]).args(words).stdin(Stdio::null());
    command
}

/// A program on the client's machine, until it is dropped.
fn app(words: &[&str]) -> Client {
    Client(inside(words).stdout(Stdio::null()).spawn().unwrap())
}

/// A place that tells who asks where the question came from, and is a web page with nothing on it.
async fn internet() -> SocketAddr {
    let listener = TcpListener::bind("203.0.113.80:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let packets = UdpSocket::bind(address).await.unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, from) = listener.accept().await.unwrap();
            tokio::spawn(answer(stream, from.ip()));
        }
    });
    tokio::spawn(async move {
        let mut question = [0; 64];
        loop {
            let (_, from) = packets.recv_from(&mut question).await.unwrap();
            drop(packets.send_to(from.ip().to_string().as_bytes(), from).await);
        }
    });
    address
}

async fn answer(mut stream: TcpStream, from: IpAddr) {
    let mut question = [0; 1024];
    let length = stream.read(&mut question).await.unwrap_or_default();
    let answer = match question[..length].starts_with(b"whence?") {
        true => format!("{from}\n"),
        false => "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n".to_owned(),
    };
    // Who asked may have gone.
    drop(stream.write_all(answer.as_bytes()).await);
}

/// Whether an app is missing, which was said then.
fn lacks(name: &'static str) -> bool {
    damm_needs::unmet(&[Need::App(name)])
}

/// Where a question comes from, by the door that it went through.
fn is_behind(kind: &str, source: IpAddr) -> bool {
    match kind {
        "shadowsocks" => source.to_string().starts_with("10.64."),
        "wireguard" => source.to_string() == "100.64.0.17",
        // It speaks for its clients by the node's own address.
        _ => source.to_string() == "203.0.113.80",
    }
}

fn sing_box(world: &World, profile: &Path) -> Client {
    let (profile, dir) = (profile.to_str().unwrap(), world.dir.path().to_str().unwrap());
    app(&["sing-box", "run", "-c", profile, "-D", dir])
}

fn mihomo(world: &World, config: &Path) -> Client {
    let (config, dir) = (config.to_str().unwrap(), world.dir.path().to_str().unwrap());
    app(&["mihomo", "-d", dir, "-f", config])
}

const KINDS: [&str; 3] = ["shadowsocks", "trojan", "wireguard"];

#[test]
fn sing_box_takes_a_whole_device_through_each_kind_of_door() {
    let name = "sing_box_takes_a_whole_device_through_each_kind_of_door";
    if lacks("sing-box") {
        return;
    }
    alone(name, &PROGRAMS, async {
        let world = World::new(&KINDS).await;
        for (kind, address) in KINDS.into_iter().zip(["192.0.2.1", "2001:db8:2::1", "192.0.2.1"]) {
            let fronts = vec![world.front(1, address, kind)];
            let profile = world.write(fronts, Format::SingBox, &format!("{kind}.json"));
            let _app = sing_box(&world, &profile);
            for protocol in ["tcp", "udp"] {
                let source = world.source(protocol, None).await;
                assert!(is_behind(kind, source), "{protocol} of {kind} came from {source}");
            }
        }
    });
}

#[test]
fn mihomo_goes_through_each_kind_of_door() {
    let name = "mihomo_goes_through_each_kind_of_door";
    if lacks("mihomo") {
        return;
    }
    alone(name, &PROGRAMS, async {
        let world = World::new(&KINDS).await;
        for (kind, address) in KINDS.into_iter().zip(["2001:db8:2::1", "192.0.2.1", "192.0.2.1"]) {
            let fronts = vec![world.front(1, address, kind)];
            let config = world.write(fronts, Format::Mihomo, &format!("{kind}.yaml"));
            let _app = mihomo(&world, &config);
            let source = world.source("tcp", Some(MIHOMO)).await;
            assert!(is_behind(kind, source), "{kind}: {source}");
        }
    });
}

#[test]
fn apps_find_a_door_that_works_by_themselves() {
    let name = "apps_find_a_door_that_works_by_themselves";
    if lacks("sing-box") || lacks("mihomo") {
        return;
    }
    alone(name, &PROGRAMS, async {
        let world = World::new(&KINDS).await;
        // The first door that they try is dead: nobody is at its address.
        let fronts = || {
            let dead = world.front(1, "192.0.2.99", "trojan");
            vec![dead, world.front(2, "192.0.2.1", "shadowsocks")]
        };
        let app = sing_box(&world, &world.write(fronts(), Format::SingBox, "profile.json"));
        assert!(is_behind("shadowsocks", world.source("tcp", None).await));
        drop(app);
        let _app = mihomo(&world, &world.write(fronts(), Format::Mihomo, "config.yaml"));
        assert!(is_behind("shadowsocks", world.source("tcp", Some(MIHOMO)).await));
    });
}

#[test]
fn an_app_that_subscribes_to_links_goes_through_them() {
    let name = "an_app_that_subscribes_to_links_goes_through_them";
    if lacks("mihomo") {
        return;
    }
    alone(name, &PROGRAMS, async {
        let world = World::new(&KINDS).await;
        for kind in ["shadowsocks", "trojan"] {
            // The trojan's certificate is its own: the link has to say which one it is.
            let fronts = vec![world.front(1, "2001:db8:2::1", kind)];
            world.write(fronts, Format::Links, "links");
            let config = world.dir.path().join("subscriber.yaml");
            let text = format!(
                "mixed-port: {MIHOMO}\n\
                 proxy-providers: {{ links: {{ type: file, path: ./links }} }}\n\
                 proxy-groups: [{{ name: Proxy, type: select, use: [links] }}]\n\
                 rules: ['MATCH,Proxy']\n"
            );
            std::fs::write(&config, text).unwrap();
            let _app = mihomo(&world, &config);
            let source = world.source("tcp", Some(MIHOMO)).await;
            assert!(is_behind(kind, source), "{kind}: {source}");
        }
    });
}

#[test]
fn mihomo_reads_a_provider_that_is_sealed_for_its_key() {
    let name = "mihomo_reads_a_provider_that_is_sealed_for_its_key";
    if lacks("mihomo") {
        return;
    }
    alone(name, &PROGRAMS, async {
        let world = World::new(&["shadowsocks"]).await;
        let key = damm_age::Identity::new([3; 32]);
        let fronts = vec![world.front(1, "192.0.2.1", "shadowsocks")];
        let plain = std::fs::read(world.write(fronts, Format::Mihomo, "plain")).unwrap();
        let sealed = damm_age::seal(&plain, &[key.recipient()], &damm_age::Entropy::new([4; 32]));
        std::fs::write(world.dir.path().join("sealed"), damm_age::armor(&sealed)).unwrap();
        let config = world.dir.path().join("subscriber.yaml");
        let text = format!(
            "mixed-port: {MIHOMO}\n\
             proxy-providers: {{ p: {{ type: file, path: ./sealed, age-secret-key: {} }} }}\n\
             proxy-groups: [{{ name: Proxy, type: select, use: [p] }}]\n\
             rules: ['MATCH,Proxy']\n",
            *key.to_text()
        );
        std::fs::write(&config, text).unwrap();
        let _app = mihomo(&world, &config);
        let source = world.source("tcp", Some(MIHOMO)).await;
        assert!(is_behind("shadowsocks", source), "{source}");
    });
}

#[test]
fn wg_quick_brings_a_tunnel_up_with_names_and_routes() {
    let name = "wg_quick_brings_a_tunnel_up_with_names_and_routes";
    alone(name, &[&PROGRAMS[..], &["wg-quick", "nft"]].concat(), async {
        let world = World::new(&["wireguard"]).await;
        let fronts = vec![world.front(1, "192.0.2.1", "wireguard")];
        let config = world.write(fronts, Format::Wireguard, "proxy.conf");
        let names = resolvconf(world.dir.path());
        let path = format!("{}:{}", world.dir.path().display(), std::env::var("PATH").unwrap());
        let mut up = inside(&["wg-quick", "up", config.to_str().unwrap()]);
        up.env("PATH", path).env("WG_QUICK_USERSPACE_IMPLEMENTATION", "wireguard-go");
        let up = up.output().unwrap();
        assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
        for protocol in ["tcp", "udp"] {
            let source = world.source(protocol, None).await;
            assert!(is_behind("wireguard", source), "{protocol}: {source}");
        }
        let names = std::fs::read_to_string(names).unwrap();
        assert_eq!(names, "nameserver 100.64.0.2\nnameserver fd5d:616d:6c00::2\n");
    });
}

/// Puts a program in place of resolvconf, which few machines have, that keeps what it is told.
fn resolvconf(dir: &Path) -> PathBuf {
    let (program, names) = (dir.join("resolvconf"), dir.join("names"));
    let script = format!("#!/bin/sh\ncat > '{}'\n", names.display());
    std::fs::write(&program, script).unwrap();
    assert!(Command::new("chmod").arg("+x").arg(&program).status().unwrap().success());
    names
}
