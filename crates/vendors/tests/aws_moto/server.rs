//! moto, which plays Amazon Web Services and knows nothing of us: one server for all tests of this
//! process, and for each test an account of its own at it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use damm_doubles::aws::REGION;

use crate::servers;

/// The server goes when this process does, as its input ends then, and after a while anyway. It is
/// stopped by its own number.
const SCRIPT: &str = "\"$0\" -H 127.0.0.1 -p \"$1\" >/dev/null 2>&1 & server=$!\n\
                      timeout 900 cat >/dev/null\n\
                      kill $server\n\
                      wait $server";

/// Looks, a fifth of a second apart, until the server is ready.
const LOOKS: u32 = 300;

/// The zone of each account.
pub const ZONE: &str = "example.org";

/// The one server of this process.
pub struct Server {
    port: u16,
    _child: Child,
}

/// The server; none where it is not installed.
pub fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(|| Some(Server::start(&servers::program("moto_server")?))).as_ref()
}

impl Server {
    fn start(program: &Path) -> Self {
        for _ in 0..3 {
            let port = servers::free_port();
            let child = Command::new("sh")
                .arg("-c")
                .arg(SCRIPT)
                .arg(program)
                .arg(port.to_string())
                .env("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "1")
                .env("MOTO_ENABLE_AMI_VALIDATION", "1")
                // Each account would begin with hundreds of images.
                .env("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            let server = Self { port, _child: child };
            // Where somebody else took the port in between, what is there is not moto.
            if server.comes_up() {
                return server;
            }
        }
        panic!("moto_server does not come up");
    }

    fn comes_up(&self) -> bool {
        (0..LOOKS).any(|_| {
            std::thread::sleep(Duration::from_millis(200));
            servers::listens(self.port) && self.is_moto()
        })
    }

    fn is_moto(&self) -> bool {
        let any = At { port: self.port, account: "000000000000".to_owned() };
        any.call("ec2", "GET", "/moto-api/data.json", "").contains(" 200 ")
    }

    /// A fresh account, with an image and a zone.
    pub fn account(&self) -> At {
        static ACCOUNTS: AtomicU32 = AtomicU32::new(0);
        let number = ACCOUNTS.fetch_add(1, Ordering::Relaxed);
        let account = format!("{:012}", 100_000_000_000 + u64::from(number));
        let at = At { port: self.port, account };
        let image = "Action=RegisterImage&Version=2016-11-15&Name=debian-12-amd64-20260901\
                     &Architecture=x86_64&RootDeviceName=/dev/xvda";
        assert!(at.call("ec2", "POST", "/", image).contains("<imageId>"));
        let zone = format!(
            "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">\
             <Name>{ZONE}.</Name><CallerReference>1</CallerReference></CreateHostedZoneRequest>"
        );
        at.call("route53", "POST", "/2013-04-01/hostedzone", &zone);
        at
    }
}

/// An account of the server's many, as somebody else calls it: not through the adapter.
#[derive(Clone)]
pub struct At {
    pub port: u16,
    pub account: String,
}

impl At {
    /// The whole answer, head and all.
    pub fn call(&self, service: &str, method: &str, path: &str, body: &str) -> String {
        let (port, account, length) = (self.port, &self.account, body.len());
        let kind = match path {
            "/" => "application/x-www-form-urlencoded",
            _ => "application/xml",
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\
             authorization: AWS4-HMAC-SHA256 \
             Credential=A/20261122/{REGION}/{service}/aws4_request, \
             SignedHeaders=host, Signature=0\r\nx-moto-account-id: {account}\r\n\
             content-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let exchange = || {
            let mut stream = TcpStream::connect(servers::local(port))?;
            stream.set_read_timeout(Some(Duration::from_secs(60)))?;
            stream.write_all(request.as_bytes())?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok::<_, std::io::Error>(answer)
        };
        exchange().unwrap_or_else(|e| panic!("moto was asked and gave no answer: {e}"))
    }

    /// A target group called `edge`.
    pub fn add_group(&self, kind: &str) {
        let vpcs = self.call("ec2", "POST", "/", "Action=DescribeVpcs&Version=2016-11-15");
        let vpc = within(&vpcs, "<vpcId>");
        let body = format!(
            "Action=CreateTargetGroup&Version=2015-12-01&Name=edge&Protocol=TCP&Port=443\
             &VpcId={vpc}&TargetType={kind}"
        );
        let made = self.call("elasticloadbalancing", "POST", "/", &body);
        assert!(made.contains("TargetGroupArn"), "{made}");
    }

    /// The machine that an interface is of.
    pub fn machine_of(&self, interface: &str) -> String {
        let body = format!(
            "Action=DescribeNetworkInterfaces&Version=2016-11-15&NetworkInterfaceId.1={interface}"
        );
        within(&self.call("ec2", "POST", "/", &body), "<instanceId>").to_owned()
    }

    /// The zone's id.
    pub fn zone(&self) -> String {
        let zones = self.call("route53", "GET", "/2013-04-01/hostedzone", "");
        within(&zones, "<Id>/hostedzone/").to_owned()
    }
}

/// The text behind a mark, up to the next one.
fn within<'a>(text: &'a str, mark: &str) -> &'a str {
    let (_, rest) = text.split_once(mark).unwrap_or_else(|| panic!("no {mark} in {text}"));
    rest.split('<').next().unwrap()
}
