//! Short connections, and downloads.

use std::io::{Error, Result};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::errand::Target;
use super::way::{Stream, Way};
use super::{Told, told_to_stop};

/// Between the ends and the beginnings of connections.
const PACE: Duration = Duration::from_millis(20);
/// A connection that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(10);
/// A download that takes longer has failed.
const DOWNLOAD: Duration = Duration::from_secs(60);

/// Makes one connection after the other until told to stop. The server says where each came from.
pub async fn run(way: &Way, to: &str) -> Told {
    let mut told = Told::default();
    let stop = told_to_stop();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => return told,
            () = tokio::time::sleep(PACE) => {}
        }
        let begun = Instant::now();
        let asked = timeout(PATIENCE, ask(way, to)).await;
        match asked.unwrap_or_else(|_| Err(Error::other(format!("none within {PATIENCE:?}")))) {
            Ok(source) => {
                told.done += 1;
                *told.sources.entry(source).or_default() += 1;
            }
            Err(e) => told.failed.push(format!("after {} connections: {e}", told.done)),
        }
        let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        told.longest_ms = told.longest_ms.max(took);
    }
}

async fn ask(way: &Way, to: &str) -> Result<std::net::IpAddr> {
    let body = read(way, &Target::web(to), "/address").await?;
    body.trim().parse().map_err(|_| Error::other(format!("a page of {} bytes", body.len())))
}

/// Reads a page once; one that is not there is a failure.
pub async fn page(way: &Way, at: SocketAddr, path: &str) -> Told {
    let mut told = Told::default();
    let target = Target { host: at.ip().to_string(), port: at.port() };
    let read = timeout(PATIENCE, read(way, &target, path)).await;
    match read.unwrap_or_else(|_| Err(Error::other(format!("none within {PATIENCE:?}")))) {
        Ok(page) => (told.done, told.page) = (1, page),
        Err(e) => told.failed.push(e.to_string()),
    }
    told
}

async fn read(way: &Way, to: &Target, path: &str) -> Result<String> {
    let mut stream = request(way, to, path).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.lines().next().unwrap_or_default();
    match status.split(' ').nth(1) {
        Some("200") => Ok(body.to_owned()),
        _ => Err(Error::other(format!("answered with `{status}`"))),
    }
}

async fn request(way: &Way, to: &Target, path: &str) -> Result<Box<dyn Stream>> {
    let mut stream = way.connect(to).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
    stream.flush().await?;
    Ok(stream)
}

/// Downloads this many bytes.
pub async fn download(way: &Way, to: &str, bytes: u64) -> Told {
    let mut told = Told::default();
    let begun = Instant::now();
    let got = timeout(DOWNLOAD, count(way, to, bytes, &mut told.done)).await;
    match got.unwrap_or_else(|_| Err(Error::other(format!("not done within {DOWNLOAD:?}")))) {
        Ok(()) if told.done == bytes => {}
        Ok(()) => told.failed.push(format!("{} of {bytes} bytes came", told.done)),
        Err(e) => told.failed.push(format!("after {} of {bytes} bytes: {e}", told.done)),
    }
    told.longest_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    told
}

/// Counts the bytes of a download's body.
async fn count(way: &Way, to: &str, bytes: u64, done: &mut u64) -> Result<()> {
    let mut stream = request(way, &Target::web(to), &format!("/bytes/{bytes}")).await?;
    skip_head(&mut *stream).await?;
    let mut block = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut block).await? {
            0 => return Ok(()),
            got => *done += got as u64,
        }
    }
}

async fn skip_head(stream: &mut dyn Stream) -> Result<()> {
    let mut last = [0; 4];
    while &last != b"\r\n\r\n" {
        last.rotate_left(1);
        last[3] = stream.read_u8().await?;
    }
    Ok(())
}
