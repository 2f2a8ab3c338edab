//! A long-lived stream.

use std::io::{Error, Result};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::errand::Target;
use super::way::{Stream, Way};
use super::{Told, told_to_stop};

/// Between two messages.
const PACE: Duration = Duration::from_millis(50);
/// A message that takes longer is lost, and the stream with it. TCP repeats what was lost on the
/// way after 0.2, 0.6, 1.4, 3 and 6.2 seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends a message now and then, and waits for each to come back, until told to stop.
pub async fn run(way: &Way, to: &str) -> Told {
    let mut told = Told::default();
    let begun = timeout(PATIENCE, way.connect(&Target::echo(to))).await;
    let mut stream = match begun.unwrap_or_else(|_| Err(Error::other("no connection in time"))) {
        Ok(stream) => stream,
        Err(e) => return failed(told, &e),
    };
    let stop = told_to_stop();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => return told,
            () = tokio::time::sleep(PACE) => {}
        }
        let begun = Instant::now();
        if let Err(e) = message(&mut *stream, told.done).await {
            return failed(told, &e);
        }
        told.done += 1;
        let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        told.longest_ms = told.longest_ms.max(took);
    }
}

fn failed(mut told: Told, e: &Error) -> Told {
    told.failed.push(format!("after {} messages: {e}", told.done));
    told
}

async fn message(stream: &mut dyn Stream, number: u64) -> Result<()> {
    let exchange = async {
        stream.write_all(&number.to_be_bytes()).await?;
        stream.flush().await?;
        let mut echoed = [0; 8];
        stream.read_exact(&mut echoed).await?;
        match u64::from_be_bytes(echoed) == number {
            true => Ok(()),
            false => Err(Error::other("another message came back")),
        }
    };
    let late = |_| Err(Error::other(format!("no answer within {PATIENCE:?}")));
    timeout(PATIENCE, exchange).await.unwrap_or_else(late)
}
