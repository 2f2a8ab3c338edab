//! Web pages: `/bytes/N` is a download of N bytes, all else tells where the request came from.

use std::io::Result;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Answers one request (HTTP/1.0, RFC 1945) and closes.
pub async fn answer(stream: TcpStream) -> Result<()> {
    let from = stream.peer_addr()?.ip();
    let mut stream = BufReader::new(stream);
    let mut request = String::new();
    stream.read_line(&mut request).await?;
    skip_headers(&mut stream).await?;
    let path = request.split(' ').nth(1).unwrap_or("/");
    let asked = path.strip_prefix("/bytes/").and_then(|n| n.parse().ok());
    match asked {
        Some(count) => download(&mut stream, count).await?,
        None => {
            let page = format!("{from}\n");
            head(&mut stream, page.len() as u64).await?;
            stream.write_all(page.as_bytes()).await?;
        }
    }
    stream.shutdown().await
}

async fn skip_headers(stream: &mut BufReader<TcpStream>) -> Result<()> {
    let mut line = String::new();
    loop {
        line.clear();
        let count = stream.read_line(&mut line).await?;
        if count == 0 || line.trim_end().is_empty() {
            return Ok(());
        }
    }
}

async fn head(stream: &mut BufReader<TcpStream>, length: u64) -> Result<()> {
    let head = format!(
        "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await
}

async fn download(stream: &mut BufReader<TcpStream>, count: u64) -> Result<()> {
    head(stream, count).await?;
    let block = [b'.'; 64 * 1024];
    let mut left = count;
    while left > 0 {
        let now = left.min(block.len() as u64);
        // At most the block's length.
        stream.write_all(&block[..now as usize]).await?;
        left -= now;
    }
    Ok(())
}
