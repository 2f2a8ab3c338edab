//! Calls to vendors that speak no HTTP, within the bounds of those that do.

use std::future::Future;
use std::path::PathBuf;
use std::time::Instant;

use damm_clouds::Error;
use damm_fleet::{FailureClass, ProviderName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::credentials::Secret;
use crate::error::SetupError;
use crate::http::{CONNECT, TOTAL, fit};

/// A call that failed, before it is an account's error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What it means for the world.
    pub class: FailureClass,
    /// What is said of it.
    pub words: String,
}

impl Failure {
    /// A failure of a class.
    pub fn new(class: FailureClass, words: impl Into<String>) -> Self {
        Self { class, words: words.into() }
    }

    /// Nothing was done, and the same call will not do better.
    pub fn rejected(words: impl Into<String>) -> Self {
        Self::new(FailureClass::Rejected, words)
    }

    /// It may have been done.
    pub fn unknown(words: impl Into<String>) -> Self {
        Self::new(FailureClass::Unknown, words)
    }

    /// The answer did not come whole.
    pub fn broken() -> Self {
        Self::unknown("the connection broke before the answer was whole")
    }

    fn unsent(place: &Place) -> Self {
        let words = format!(
            "no connection to {place}: see that the endpoint is right and can be reached from here"
        );
        Self::new(FailureClass::Busy, words)
    }
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A socket of this machine.
    #[allow(dead_code, reason = "not every vendor has one, and each is a feature")]
    Unix(PathBuf),
    /// A host, a colon and a port; an IPv6 address stands in brackets.
    Tcp(String),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(host) => f.write_str(host),
        }
    }
}

/// What is read and written.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Place {
    /// Reads `host:port`, or `host` alone where there is a usual port.
    pub fn tcp(endpoint: &str, usual: Option<u16>) -> Result<Self, SetupError> {
        let wrong = |why: &str| SetupError::Endpoint { endpoint: endpoint.into(), why: why.into() };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        if endpoint.is_empty() || !endpoint.chars().all(plain) {
            return Err(wrong("it has to be a host and a port, as in 192.0.2.1:53"));
        }
        let (host, port) = match endpoint.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (endpoint, None),
        };
        if host.contains(':') && !(host.starts_with('[') && host.ends_with(']')) {
            return Err(wrong("an IPv6 address has to stand in brackets, as in [2001:db8::1]"));
        }
        match (port.map(str::parse::<u16>), usual) {
            (Some(Ok(1..)), _) => Ok(Self::Tcp(endpoint.to_owned())),
            (Some(_), _) => Err(wrong("its port is no number from 1 to 65535")),
            (None, Some(port)) => Ok(Self::Tcp(format!("{endpoint}:{port}"))),
            (None, None) => Err(wrong("it has to end with a colon and a port")),
        }
    }

    /// A connection. Nothing was sent when there is none.
    pub async fn connect(&self) -> Result<Box<dyn Stream>, Failure> {
        let connected = async {
            Ok::<Box<dyn Stream>, std::io::Error>(match self {
                Self::Unix(path) => Box::new(UnixStream::connect(path).await?),
                Self::Tcp(host) => Box::new(TcpStream::connect(host).await?),
            })
        };
        let connected = timeout(CONNECT, connected).await;
        connected.ok().and_then(Result::ok).ok_or_else(|| Failure::unsent(self))
    }
}

/// Who calls: one account.
pub struct Caller {
    /// The account's name in the topology.
    pub account: ProviderName,
    /// What no error may repeat.
    pub secrets: Vec<Secret>,
}

impl Caller {
    /// Makes a call, which ends in time and leaves one trace.
    pub async fn call<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Error> {
        let begun = Instant::now();
        let late = || Failure::unknown(format!("no answer within {} seconds", TOTAL.as_secs()));
        let outcome = timeout(TOTAL, work).await.unwrap_or_else(|_| Err(late()));
        let took = begun.elapsed().as_millis() as u64;
        match outcome {
            Ok(answer) => {
                tracing::debug!(account = %self.account, operation, took, "call");
                Ok(answer)
            }
            Err(failure) => {
                let error = self.error(operation, &failure);
                tracing::debug!(
                    account = %self.account, operation, took, failure = error.message, "call"
                );
                Err(error)
            }
        }
    }

    fn error(&self, operation: &'static str, failure: &Failure) -> Error {
        let secrets: Vec<_> = self.secrets.iter().map(Secret::expose).collect();
        Error {
            class: failure.class,
            provider: self.account.to_string(),
            operation,
            message: fit(&failure.words, &secrets),
            retry_after: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_host_and_a_port() {
        let place = |text: &str, usual| Place::tcp(text, usual).ok().map(|p| p.to_string());
        let same = |text: &str| assert_eq!(place(text, None).as_deref(), Some(text));
        ["127.0.0.1:9999", "ns1.example.net:53", "[2001:db8::1]:53"].into_iter().for_each(same);
        assert_eq!(place("ns1.example.net", Some(53)).as_deref(), Some("ns1.example.net:53"));
        assert_eq!(place("[::1]", Some(53)).as_deref(), Some("[::1]:53"));
        for wrong in ["", "host", "host:", "host:0", "host:65536", "::1", "a b:1", "tcp://h:1"] {
            assert_eq!(place(wrong, None), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_was_sent_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let nobody = Place::Unix(dir.path().join("nobody"));
        let caller = Caller { account: "a".parse().unwrap(), secrets: Vec::new() };
        let answer = caller.call("ask", async { nobody.connect().await.map(drop) }).await;
        assert_eq!(answer.unwrap_err().class, FailureClass::Busy);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_is_left_in_time_and_no_secret_is_told() {
        let secrets = vec![Secret::new("hunter2-hunter2")];
        let caller = Caller { account: "a".parse().unwrap(), secrets };
        let never = caller.call("ask", std::future::pending::<Result<(), Failure>>()).await;
        assert_eq!(never.unwrap_err().class, FailureClass::Unknown);
        let told = async { Err::<(), _>(Failure::rejected("bad key hunter2-hunter2")) };
        assert_eq!(caller.call("ask", told).await.unwrap_err().message, "bad key [secret]");
    }
}
