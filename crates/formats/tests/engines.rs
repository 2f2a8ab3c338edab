//! Real programs read what is written for them. What goes through doors with it is shown in
//! `damm-cli`, where the doors are.

#![allow(clippy::unwrap_used)]

mod world;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use damm_formats::{Format, Settings, Wanted};
use damm_needs::{Need, unmet};
use shadowsocks::ServerConfig;
use shadowsocks::crypto::CipherKind;
use world::{catalog, every_kind, front, outline, plainly, render, wireguard};

/// Writes a document into a file and runs a program.
fn run(dir: &Path, file: &str, text: &str, command: &[&str]) -> Output {
    std::fs::write(dir.join(file), text).unwrap();
    Command::new(command[0]).args(&command[1..]).current_dir(dir).output().unwrap()
}

#[track_caller]
fn takes(output: &Output) {
    let said = [&output.stdout, &output.stderr].map(|s| String::from_utf8_lossy(s).into_owned());
    assert!(output.status.success(), "{}", said.concat());
}

#[test]
fn sing_box_takes_the_profile() {
    if unmet(&[Need::App("sing-box")]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    // The program in the registry was built without uTLS.
    let settings = Settings { browser: None, ..Settings::default() };
    let document = render(&every_kind(), Wanted::first(Format::SingBox), &settings).unwrap();
    let check = ["sing-box", "check", "-c", "profile.json"];
    takes(&run(dir.path(), "profile.json", &document.text(), &check));
    let damaged = document.text().replace("\"server_port\"", "\"server_prot\"");
    assert!(!run(dir.path(), "profile.json", &damaged, &check).status.success());
}

#[test]
fn sing_box_is_told_of_the_browser_in_fields_that_it_knows() {
    if unmet(&[Need::App("sing-box")]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let document = plainly(&every_kind(), Format::SingBox).unwrap();
    let check = ["sing-box", "check", "-c", "profile.json"];
    let output = run(dir.path(), "profile.json", &document.text(), &check);
    // All that a build without uTLS has to say is that it has none: it read the fields.
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() || said.contains("uTLS"), "{said}");
}

#[test]
fn mihomo_takes_the_config() {
    if unmet(&[Need::App("mihomo")]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let document = plainly(&every_kind(), Format::Mihomo).unwrap();
    let check = ["mihomo", "-t", "-d", ".", "-f", "config.yaml"];
    takes(&run(dir.path(), "config.yaml", &document.text(), &check));
    let damaged = document.text().replace("2022-blake3-aes-256-gcm", "2022-blake3-aes-257-gcm");
    assert!(!run(dir.path(), "config.yaml", &damaged, &check).status.success());
}

#[test]
fn wg_quick_takes_the_config_in_both_families() {
    if unmet(&[Need::Program("wg-quick")]) {
        return;
    }
    for address in ["203.0.113.7", "2001:db8:7::1"] {
        let dir = tempfile::tempdir().unwrap();
        let told = catalog(vec![front(1, address, 51_820, "wireguard", wireguard())]);
        let document = plainly(&told, Format::Wireguard).unwrap();
        let strip = ["wg-quick", "strip", "./proxy.conf"];
        let output = run(dir.path(), "proxy.conf", &document.text(), &strip);
        takes(&output);
        // What is left is for wg(8): all but what wg-quick itself sees to.
        let own = ["Address", "DNS", "MTU"];
        let text = document.text();
        let left = text.lines().filter(|l| !own.iter().any(|o| l.starts_with(o)));
        let stripped = String::from_utf8(output.stdout).unwrap();
        assert_eq!(stripped.trim().lines().collect::<Vec<_>>(), left.collect::<Vec<_>>());
    }
}

#[test]
fn the_package_shadowsocks_takes_each_server_of_an_online_config() {
    let document = plainly(&every_kind(), Format::Sip008).unwrap();
    let config: serde_json::Value = serde_json::from_slice(&document.bytes).unwrap();
    let mut taken = 0;
    for server in config["servers"].as_array().unwrap() {
        let text = |name: &str| server[name].as_str().unwrap();
        // It knows the ciphers of 2022 alone here.
        let Ok(method) = text("method").parse::<CipherKind>() else { continue };
        let address = (text("server").parse().unwrap(), server["server_port"].as_u64().unwrap());
        let address = SocketAddr::new(address.0, u16::try_from(address.1).unwrap());
        ServerConfig::new(address, text("password"), method).unwrap();
        taken += 1;
    }
    assert_eq!(taken, 2);
}

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(dir: &Path, command: &[&str]) -> Running {
    let mut program = Command::new(command[0]);
    let quiet = program.args(&command[1..]).current_dir(dir).stdout(Stdio::null());
    Running(quiet.stderr(Stdio::null()).spawn().unwrap())
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Outline's old form of a key is the config of `ss-local`, so that is what tries it: with
/// `ss-server` in place of Outline's server, which speaks the same.
#[test]
fn a_client_goes_through_a_door_with_the_key_of_outline() {
    if unmet(&[Need::Program("ss-local"), Need::Program("ss-server")]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (door, proxy) = (free_port(), free_port().to_string());
    let told = catalog(vec![front(1, "127.0.0.1", door, "outline", outline())]);
    let document = plainly(&told, Format::Outline).unwrap();
    std::fs::write(dir.path().join("key.json"), &document.bytes).unwrap();
    let password = world::client(5).password();
    let (at, password) = (door.to_string(), password.expose());
    let method = "chacha20-ietf-poly1305";
    let server = ["ss-server", "-s", "127.0.0.1", "-p", &at, "-k", password, "-m", method];
    let _server = start(dir.path(), &server);
    let client = ["ss-local", "-c", "key.json", "-b", "127.0.0.1", "-l", &proxy];
    let _client = start(dir.path(), &client);
    let internet = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = internet.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in internet.incoming() {
            let (mut stream, mut byte) = (stream.unwrap(), [0]);
            drop(stream.read_exact(&mut byte).and_then(|()| stream.write_all(&byte)));
        }
    });
    let proxy = SocketAddr::from(([127, 0, 0, 1], proxy.parse().unwrap()));
    let until = Instant::now() + Duration::from_secs(60);
    while through(proxy, to).is_err() {
        assert!(Instant::now() < until, "nothing got through");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Sends a byte through a proxy that speaks SOCKS 5 (RFC 1928), and sees it come back.
fn through(proxy: SocketAddr, to: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(proxy)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(&[5, 1, 0])?;
    stream.read_exact(&mut [0; 2])?;
    let port = to.port().to_be_bytes();
    stream.write_all(&[5, 1, 0, 1, 127, 0, 0, 1, port[0], port[1]])?;
    stream.read_exact(&mut [0; 10])?;
    stream.write_all(b"x")?;
    stream.read_exact(&mut [0])
}
