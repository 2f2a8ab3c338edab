//! The witness: reached by clients, whatever they come through, and by nobody else.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use damm_fleet::{FrontdoorId, Timestamp};
use damm_node::service::WITNESS_UID;
use damm_node::witness::{Settings, serve};
use damm_protocol::evidence::{Epoch, WitnessKey};
use damm_protocol::{Question, WITNESS_PORT, witness_addresses};
use damm_testbed::{Namespace, PORT, PROXY_UID, SERVER, World};

use crate::world;

/// Where a process that is to be a witness finds its settings.
const SETTINGS: &str = "DAMM_TEST_WITNESS";

const OWN: [&str; 2] = ["100.64.0.1", "fd5d:616d:6c00::1"];

/// Asks once, from an address that need not be any interface's, and prints what comes.
const ASK: &str = "import socket,sys
host,port,path,source=sys.argv[1:5]
six=':' in host
s=socket.socket(socket.AF_INET6 if six else socket.AF_INET)
s.settimeout(float(sys.argv[5]))
if source!='-':
    s.setsockopt(41 if six else 0,78 if six else 15,1)
    s.bind((source,0))
s.connect((host,int(port)))
s.sendall(f'GET {path} HTTP/1.0\\r\\n\\r\\n'.encode())
while d:=s.recv(4096): sys.stdout.write(d.decode())";

/// Not a test: what the witness of the others is.
#[test]
fn witness() {
    let Some(settings) = std::env::var_os(SETTINGS) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(serve(Path::new(&settings))).unwrap();
}

/// A witness at work, ended when it is dropped.
struct Working(Child);

impl Drop for Working {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The question, and its receipt.
fn asked() -> (Question, String) {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let epoch = Epoch::at(Timestamp::from_millis(since.as_millis() as i64));
    let token = "5a".repeat(16).parse().unwrap();
    let question = Question { door: FrontdoorId::from_raw(7), epoch, token };
    (question, question.receipt(&WitnessKey::new([9; 32])).to_string())
}

/// A real witness on the ingress, as its own user.
fn start(world: &World) -> Working {
    let settings = Settings {
        at: witness_addresses().into(),
        key: WitnessKey::new([9; 32]),
        doors: [FrontdoorId::from_raw(7)].into(),
    };
    let home = world.ingress.home();
    let file = home.join("witness.json");
    std::fs::write(&file, serde_json::to_vec(&settings).unwrap()).unwrap();
    std::os::unix::fs::chown(&file, Some(WITNESS_UID), Some(WITNESS_UID)).unwrap();
    for dir in [home, home.parent().unwrap()] {
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o711)).unwrap();
    }
    let mut command = world.ingress.namespace.command("setpriv");
    command.args(as_user(WITNESS_UID)).arg(std::env::current_exe().unwrap());
    command.args(["--exact", "witness::witness"]).env(SETTINGS, &file);
    Working(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
}

fn as_user(uid: u32) -> [String; 5] {
    let uid = uid.to_string();
    ["--clear-groups", "--reuid", &uid, "--regid", &uid].map(str::to_owned)
}

fn ask(place: &Namespace, uid: u32, (host, port): (&str, u16), source: &str) -> Option<String> {
    let (path, user, port) = (asked().0.path(), as_user(uid), port.to_string());
    let user = user.iter().map(String::as_str);
    let words = ["/usr/bin/python3", "-c", ASK, host, &port, &path, source, "2"];
    let all: Vec<&str> = ["setpriv"].into_iter().chain(user).chain(words).collect();
    place.run(&all, "").ok()
}

/// Waits until the witness answers a proxy; a minute is for a machine that does much else.
fn wait(place: &Namespace) {
    for _ in 0..600 {
        if ask(place, PROXY_UID, (OWN[0], WITNESS_PORT), "-").is_some() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the witness does not answer");
}

fn is_receipt(answer: Option<String>) -> bool {
    answer.is_some_and(|answer| answer.contains(" 200 ") && answer.ends_with(&asked().1))
}

#[test]
fn clients_of_a_tunnel_and_of_proxies_get_receipts() {
    let Some(world) = world(1, 1) else { return };
    let (place, _witness) = (world.ingress.namespace.clone(), start(&world));
    wait(&place);
    for host in OWN {
        let at = (host, WITNESS_PORT);
        assert!(is_receipt(ask(&world.client, 0, at, "-")), "{host} by a tunnel");
        assert!(is_receipt(ask(&place, PROXY_UID, at, "-")), "{host} by a proxy");
    }
    // As a session of its own, as Shadowsocks' clients have.
    for (host, source) in [(OWN[0], "10.64.4.9"), (OWN[1], "fd00:da:0:1::9")] {
        let answer = ask(&place, PROXY_UID, (host, WITNESS_PORT), source);
        assert!(is_receipt(answer), "{host} from {source}");
    }
    // A node whose transports are proxies alone has no tunnel's interface.
    place.ip("link del wg-c").unwrap();
    for host in OWN {
        assert!(is_receipt(ask(&place, PROXY_UID, (host, WITNESS_PORT), "-")), "{host} alone");
    }
}

#[test]
fn nobody_outside_reaches_the_witness_and_it_reaches_nobody() {
    let Some(world) = world(1, 1) else { return };
    let (place, _witness) = (world.ingress.namespace.clone(), start(&world));
    wait(&place);
    let bogons = || crate::guard::counter(&place, ["inet", "damm"], "bogon");
    // A neighbour who sends straight to the server what is for the tunnel's end.
    world.wan.ip("route add 100.64.0.1/32 via 198.51.100.10").unwrap();
    world.wan.ip("-6 route add fd5d:616d:6c00::1/128 via 2001:db8:1::10").unwrap();
    for host in OWN {
        let before = bogons();
        assert_eq!(ask(&world.wan, 0, (host, WITNESS_PORT), "-"), None, "{host}");
        assert!(bogons() > before, "{host}: no packet came so far");
    }
    assert_eq!(ask(&world.server, 0, ("198.51.100.10", WITNESS_PORT), "-"), None);
    // Its address leads to nothing else, though something listens everywhere.
    let _all = place.job(&["serve"]).unwrap();
    for host in OWN {
        assert_eq!(ask(&place, PROXY_UID, (host, PORT), "-"), None, "{host}");
        assert_eq!(ask(&world.client, 0, (host, PORT), "-"), None, "{host}");
    }
    // It begins nothing itself, outside or within.
    for host in [SERVER, "198.51.100.254", "127.0.0.1", OWN[0]] {
        let before = bogons();
        assert_eq!(ask(&place, WITNESS_UID, (host, PORT), "-"), None, "{host}");
        assert!(bogons() > before, "{host}: not the packet filter refused it");
    }
}
