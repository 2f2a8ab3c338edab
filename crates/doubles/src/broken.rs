//! A body that may break off in the middle.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// Why a body broke off: because it was told to.
#[derive(Debug)]
pub(crate) struct BrokenOff;

impl fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer breaks off here")
    }
}

impl std::error::Error for BrokenOff {}

/// A body that is sent whole, or up to its middle.
#[derive(Debug)]
pub(crate) struct Sent {
    data: Option<Bytes>,
    /// Turns until it breaks; none: it does not.
    breaks_in: Option<u8>,
}

impl Sent {
    pub(crate) const fn whole(data: Bytes) -> Self {
        Self { data: Some(data), breaks_in: None }
    }

    /// The first half of it; then nothing more comes.
    pub(crate) fn half(data: &Bytes) -> Self {
        Self { data: Some(data.slice(..data.len() / 2)), breaks_in: Some(1) }
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if let Some(data) = self.data.take().filter(|d| !d.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match self.breaks_in {
            None => Poll::Ready(None),
            Some(0) => Poll::Ready(Some(Err(BrokenOff))),
            // A turn for the server to send what it has: it sends nothing more after an error.
            Some(turns) => {
                self.breaks_in = Some(turns - 1);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.data, self.breaks_in) {
            (Some(data), None) => SizeHint::with_exact(data.len() as u64),
            _ => SizeHint::default(),
        }
    }
}
