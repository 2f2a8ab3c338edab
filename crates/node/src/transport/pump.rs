//! Bytes from one stream to another and back, until both are at their end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection over which nothing went for so long is forgotten by the packet filter, so it would
/// never be heard of again.
const IDLE: Duration = Duration::from_secs(7440);

/// What is read at once: two records of TLS.
const BUFFER: usize = 32 << 10;

/// Passes on what comes from either side to the other until both have ended, one fails, or nothing
/// came for two hours.
pub(crate) async fn pump<A, B>(one: A, other: B)
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let moved = Arc::new(AtomicU64::new(0));
    let mut one = Counted { stream: one, moved: Arc::clone(&moved) };
    let mut other = Counted { stream: other, moved: Arc::clone(&moved) };
    tokio::select! {
        // How it ended says nothing that anybody could act on.
        _ = tokio::io::copy_bidirectional_with_sizes(&mut one, &mut other, BUFFER, BUFFER) => {}
        () = stands_still(&moved) => {}
    }
}

async fn stands_still(moved: &AtomicU64) {
    let mut before = moved.load(Ordering::Relaxed);
    loop {
        tokio::time::sleep(IDLE).await;
        let now = moved.load(Ordering::Relaxed);
        if now == before {
            return;
        }
        before = now;
    }
}

/// A stream that counts what was read of it.
struct Counted<S> {
    stream: S,
    moved: Arc<AtomicU64>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let more = buffer.filled().len() - before;
        self.moved.fetch_add(more as u64, Ordering::Relaxed);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bytes_go_both_ways_and_a_stream_that_stands_still_is_let_go() {
        let ((mut near, one), (other, mut far)) = (duplex(64), duplex(64));
        let pumping = tokio::spawn(pump(one, other));
        near.write_all(b"to").await.unwrap();
        far.write_all(b"fro").await.unwrap();
        let mut bytes = [0; 3];
        near.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"fro");
        far.read_exact(&mut bytes[..2]).await.unwrap();
        assert_eq!(&bytes[..2], b"to");
        // The clock leaps to the next timer, since all else waits.
        pumping.await.unwrap();
        assert_eq!(near.read(&mut bytes).await.unwrap(), 0);
    }
}
