//! Clients: the programs that people use, each at one front door.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use damm_lab::Lab;
use damm_lab::probe::{Told, Way};
use damm_protocol::{ClientSecret, CredentialId, Secret32};
use serde_json::{Value, json};

use crate::stage::{Stage, checked};

/// A front door, as a catalog tells of it.
#[derive(Debug, Clone)]
pub struct Door {
    pub id: String,
    pub at: SocketAddr,
    pub transport: String,
    pub params: Value,
}

/// A client that goes through a front door.
pub struct Client {
    /// Where it stands in the lab.
    pub place: &'static str,
    /// How probes go through it.
    pub by: PathBuf,
    pub door: Door,
    /// The program, where it is one.
    program: Option<Child>,
    tunnel: String,
    lab: Lab,
}

/// A probe under way.
pub struct Probe {
    what: String,
    child: Child,
}

impl Stage {
    /// The front doors of all catalogs that are published now.
    pub fn doors(&self) -> Vec<Door> {
        let mut doors: Vec<Door> = Vec::new();
        for entry in fs::read_dir(self.dir.join("published")).unwrap() {
            let file = entry.unwrap().path();
            let told = self.told(&["catalog", "show", file.to_str().unwrap()]);
            for front in told["catalog"]["fronts"].as_array().unwrap() {
                let door = door(front);
                if doors.iter().all(|d| d.id != door.id) {
                    doors.push(door);
                }
            }
        }
        doors
    }

    /// The front doors that speak a transport.
    pub fn doors_of(&self, transport: &str) -> Vec<Door> {
        self.doors().into_iter().filter(|d| d.transport == transport).collect()
    }

    /// A client of each transport, at the first door that speaks it.
    pub fn clients(&self) -> Vec<Client> {
        let kinds =
            [("wireguard", "as58224-1"), ("shadowsocks", "as58224-2"), ("trojan", "as44244-1")];
        let first = |kind| self.doors_of(kind).into_iter().next().unwrap();
        kinds.map(|(kind, place)| self.client(place, first(kind))).into()
    }

    /// A client that stands at a place and goes through a door.
    pub fn client(&self, place: &'static str, door: Door) -> Client {
        let (way, program) = match door.transport.as_str() {
            "wireguard" => self.wireguard(place, &door),
            "shadowsocks" => self.shadowsocks(&door),
            "trojan" => self.trojan(place, &door),
            other => panic!("no client speaks {other}"),
        };
        self.standing(place, door, way, program)
    }

    /// One who stands at a place and goes through nothing.
    pub fn outsider(&self, place: &'static str, door: Door) -> Client {
        self.standing(place, door, Way::Direct, None)
    }

    fn standing(
        &self,
        place: &'static str,
        door: Door,
        way: Way,
        program: Option<Child>,
    ) -> Client {
        let by = self.dir.join(format!("{place}.way"));
        fs::write(&by, serde_json::to_vec(&way).unwrap()).unwrap();
        Client { place, by, door, program, tunnel: self.tunnel(place), lab: self.lab.clone() }
    }

    fn client_secret(&self) -> ClientSecret {
        ClientSecret::new(self.secret.parse::<Secret32>().unwrap())
    }

    fn wireguard(&self, place: &str, door: &Door) -> (Way, Option<Child>) {
        let interface = self.tunnel(place);
        let own = CredentialId::new(0).unwrap().addresses();
        let config = format!(
            "[Interface]\nPrivateKey = {}\n[Peer]\nPublicKey = {}\nEndpoint = {}\n\
             AllowedIPs = 0.0.0.0/0, ::/0\n",
            self.client_secret().wireguard().expose(),
            door.params["public_key"].as_str().unwrap(),
            door.at,
        );
        let file = self.dir.join(format!("{place}.conf"));
        fs::write(&file, config).unwrap();
        let script = format!(
            "wireguard-go {interface} >/dev/null 2>&1\n\
             wg setconf {interface} {}\n\
             ip addr add {}/32 dev {interface}\n\
             ip addr add {}/128 dev {interface} nodad\n\
             ip link set {interface} mtu {} up\n\
             ip route replace {} via 169.254.1.1 dev eth0 onlink\n\
             ip route replace 0.0.0.0/1 dev {interface}\n\
             ip route replace 128.0.0.0/1 dev {interface}\n\
             ip route replace ::/1 dev {interface}\n\
             ip route replace 8000::/1 dev {interface}\n",
            file.display(),
            own.v4,
            own.v6,
            door.params["mtu"].as_str().unwrap(),
            door.at.ip(),
        );
        self.sh(place, &script);
        (Way::Direct, None)
    }

    /// The name of a client's tunnel: their control sockets share this machine's directory.
    fn tunnel(&self, place: &str) -> String {
        let lab = self.dir.file_name().unwrap().to_str().unwrap();
        let lab: String = lab.chars().filter(char::is_ascii_alphanumeric).collect();
        format!("w{}{}", &lab[lab.len() - 5..], place.replace("as", ""))
    }

    fn shadowsocks(&self, door: &Door) -> (Way, Option<Child>) {
        let server = door.params["server_key"].as_str().unwrap();
        let key = format!("{server}:{}", self.client_secret().shadowsocks().expose());
        (Way::Shadowsocks { at: door.at, key }, None)
    }

    fn trojan(&self, place: &str, door: &Door) -> (Way, Option<Child>) {
        let certificate = self.dir.join(format!("{place}.pem"));
        let der = door.params["certificate"].as_str().unwrap();
        let pem = format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n");
        fs::write(&certificate, pem).unwrap();
        let config = json!({
            "run_type": "client", "local_addr": "127.0.0.1", "local_port": 1080,
            "remote_addr": door.at.ip(), "remote_port": door.at.port(),
            "password": [self.client_secret().password().expose()], "log_level": 2,
            "ssl": {
                "verify": true, "verify_hostname": true, "cert": certificate,
                "sni": door.params["server_name"], "alpn": ["http/1.1"],
                "reuse_session": true, "session_ticket": false, "curves": "",
                "cipher": "ECDHE-ECDSA-AES128-GCM-SHA256",
                "cipher_tls13": "TLS_AES_128_GCM_SHA256",
            },
            "tcp": { "no_delay": true, "keep_alive": true, "reuse_port": false,
                     "fast_open": false, "fast_open_qlen": 20 },
        });
        let file = self.dir.join(format!("{place}.trojan"));
        fs::write(&file, config.to_string()).unwrap();
        let log = fs::File::create(self.dir.join(format!("{place}.log"))).unwrap();
        let mut command = self.lab.enter(place).unwrap();
        command.args(["trojan", "--config"]).arg(&file);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap();
        let at = "127.0.0.1:1080".parse().unwrap();
        self.wait_for("the trojan client to listen", || {
            self.sh(place, "ss -Hltn sport = :1080").contains("1080")
        });
        (Way::Socks { at }, Some(child))
    }

    /// Runs a script where something stands.
    #[track_caller]
    pub fn sh(&self, place: &str, script: &str) -> String {
        checked(self.lab.enter(place).unwrap().args(["bash", "-ec", script]))
    }

    /// Starts a probe through a client.
    pub fn probe(&self, client: &Client, errand: &[&str]) -> Probe {
        let mut command = self.lab.enter(client.place).unwrap();
        command.arg(self.lab.program()).args(["--json", "lab", "probe", "--by"]).arg(&client.by);
        command.args(errand).stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = command.spawn().unwrap();
        Probe { what: format!("{} by {}", errand.join(" "), client.door.transport), child }
    }

    /// What a probe sees that ends by itself.
    pub fn ask(&self, client: &Client, errand: &[&str]) -> Told {
        self.probe(client, errand).end().1
    }
}

impl Drop for Client {
    /// Takes the client's program away, and what it changed, for the next test.
    fn drop(&mut self) {
        if let Some(mut program) = self.program.take() {
            drop(program.kill());
            drop(program.wait());
        }
        if let Ok(mut command) = self.lab.enter(self.place) {
            command.args(["ip", "link", "del", &self.tunnel]).stderr(Stdio::null());
            drop(command.status());
        }
    }
}

impl Probe {
    /// Tells the probe to stop, and gives what it was and what it saw.
    pub fn end(mut self) -> (String, Told) {
        drop(self.child.stdin.take());
        let output = self.child.wait_with_output().unwrap();
        let told = serde_json::from_slice(&output.stdout);
        (self.what, told.expect("what a probe saw"))
    }
}

fn door(front: &Value) -> Door {
    let text = |key: &str| front[key].as_str().unwrap().to_owned();
    let address: IpAddr = text("address").parse().unwrap();
    let port = u16::try_from(front["port"].as_u64().unwrap()).unwrap();
    Door {
        id: text("id"),
        at: SocketAddr::new(address, port),
        transport: text("transport"),
        params: front["params"].clone(),
    }
}

/// A capture of all packets where something stands.
pub struct Capture {
    file: PathBuf,
    child: Child,
}

impl Stage {
    /// Begins to keep the packets that pass where something stands.
    pub fn capture(&self, place: &str, interface: &str, filter: &str) -> Capture {
        let file = self.dir.join(format!("{place}-{interface}.pcap"));
        drop(fs::remove_file(&file));
        let mut command = self.lab.enter(place).unwrap();
        command.args(["tcpdump", "-U", "-nn", "-Z", "root", "-i", interface, "-w"]).arg(&file);
        command.arg(filter).stdin(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        // The file is there once packets are kept.
        self.wait_for("the capture to begin", || fs::metadata(&file).is_ok_and(|m| m.len() > 0));
        Capture { file, child }
    }
}

impl Capture {
    /// The packets that were kept, one a line.
    pub fn end(mut self) -> String {
        drop(Command::new("kill").arg(self.child.id().to_string()).status());
        self.child.wait().unwrap();
        let mut read = Command::new("tcpdump");
        checked(read.args(["-nn", "-r"]).arg(&self.file).stderr(Stdio::null()))
    }
}
