//! The process that sends what it was given.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

/// Connections that stay open, as those of a proxy in front do.
const CONNECTIONS: usize = 32;
/// Requests that wait for their answers on each.
const AHEAD: usize = 8;

/// Sends as many of the file's requests as each line of standard input says, and says when all of
/// them are answered. A request is its length in 4 bytes, little-endian, and itself.
pub fn child(at: &str, file: &Path) -> Result<()> {
    let at: SocketAddr = at.parse()?;
    let connect = |_| Connection::open(at);
    let mut connections = (0..CONNECTIONS).map(connect).collect::<Result<Vec<_>>>()?;
    let mut requests = BufReader::with_capacity(1 << 20, File::open(file)?);
    say("ready")?;
    for line in std::io::stdin().lock().lines() {
        send(line?.parse()?, &mut requests, &mut connections)?;
        say("done")?;
    }
    Ok(())
}

fn say(word: &str) -> Result<()> {
    println!("{word}");
    Ok(std::io::stdout().flush()?)
}

/// In turns: every connection is given its next requests before the answers of any are read.
fn send(count: usize, from: &mut BufReader<File>, to: &mut [Connection]) -> Result<()> {
    let mut left = count;
    while left > 0 {
        for connection in to.iter_mut() {
            let some = left.min(AHEAD);
            connection.send(from, some)?;
            left -= some;
        }
        for connection in to.iter_mut() {
            connection.answered()?;
        }
    }
    Ok(())
}

struct Connection {
    stream: TcpStream,
    unanswered: usize,
    bytes: Vec<u8>,
}

impl Connection {
    fn open(at: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(at)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, unanswered: 0, bytes: Vec::new() })
    }

    fn send(&mut self, from: &mut BufReader<File>, count: usize) -> Result<()> {
        self.bytes.clear();
        for _ in 0..count {
            let mut length = [0; 4];
            from.read_exact(&mut length).context("the file holds fewer requests")?;
            let begin = self.bytes.len();
            self.bytes.resize(begin + u32::from_le_bytes(length) as usize, 0);
            from.read_exact(&mut self.bytes[begin..])?;
        }
        self.unanswered += count;
        Ok(self.stream.write_all(&self.bytes)?)
    }

    /// Reads until every request has its answer, which has no body.
    fn answered(&mut self) -> Result<()> {
        self.bytes.clear();
        let mut some = [0; 16 << 10];
        while self.unanswered > 0 {
            let read = self.stream.read(&mut some)?;
            ensure!(read > 0, "the server hung up");
            self.bytes.extend_from_slice(&some[..read]);
            while let Some(end) = self.bytes.windows(4).position(|w| w == b"\r\n\r\n") {
                let head: Vec<u8> = self.bytes.drain(..end + 4).collect();
                ensure!(head.starts_with(b"HTTP/1.1 202"), "it was not taken");
                self.unanswered -= 1;
            }
        }
        Ok(())
    }
}
