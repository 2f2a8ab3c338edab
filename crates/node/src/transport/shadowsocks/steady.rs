//! Writing to a stream that wants to be shown the same bytes until it has taken them.

use std::io::Result;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose writes are kept until they are taken.
///
/// The crate's streams seal what they are shown, and while that is on its way they answer for
/// whatever they are shown next: more bytes than before would count as written and never be sent.
/// Whoever copies between two streams shows more as soon as more has come.
pub(super) struct Steady<S> {
    stream: S,
    held: Vec<u8>,
    taken: usize,
}

impl<S> Steady<S> {
    pub(super) const fn new(stream: S) -> Self {
        Self { stream, held: Vec::new(), taken: 0 }
    }
}

impl<S: AsyncWrite + Unpin> Steady<S> {
    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        while self.taken < self.held.len() {
            let left = &self.held[self.taken..];
            match ready!(Pin::new(&mut self.stream).poll_write(cx, left))? {
                0 => return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into())),
                count => self.taken += count,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Steady<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Steady<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        ready!(self.poll_held(cx))?;
        self.held.clear();
        self.held.extend_from_slice(bytes);
        self.taken = 0;
        // What can't go now goes with the next write or flush; whoever copies flushes when idle.
        if let Poll::Ready(Err(error)) = self.poll_held(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(self.poll_held(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(self.poll_held(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    /// Takes what it was shown first, and answers for what it is shown last, as the crate does.
    #[derive(Default)]
    struct Careless {
        sealed: Option<Vec<u8>>,
        sent: Vec<u8>,
    }

    impl AsyncWrite for Careless {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<Result<usize>> {
            match self.sealed.take() {
                None => {
                    self.sealed = Some(bytes.to_vec());
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                Some(sealed) => {
                    self.sent.extend(sealed);
                    Poll::Ready(Ok(bytes.len()))
                }
            }
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn no_byte_is_lost_while_the_one_before_is_on_its_way() {
        let mut stream = Steady::new(Careless::default());
        for piece in [&b"one "[..], b"two and ", b"three"] {
            stream.write_all(piece).await.unwrap();
        }
        stream.flush().await.unwrap();
        assert_eq!(stream.stream.sent, b"one two and three");
    }
}
