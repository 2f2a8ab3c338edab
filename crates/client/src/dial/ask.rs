//! Asking a node's witness, once there is a way to it.

use damm_protocol::Question;
use damm_protocol::evidence::{Ending, Phase, Receipt};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::{Progress, Stopped, ending};

/// No answer of a witness is longer.
const LONGEST: usize = 4_096;

/// The request, for ways that send it along with their own first words.
pub fn request(question: &Question) -> String {
    let path = question.path();
    format!("GET {path} HTTP/1.1\r\nhost: witness\r\nconnection: close\r\n\r\n")
}

/// Asks, and reads the receipt.
pub async fn ask(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    question: &Question,
    progress: &Progress,
) -> Result<(Option<Receipt>, u64), Stopped> {
    let sent = stream.write_all(request(question).as_bytes()).await;
    sent.map_err(|e| Stopped::by(Phase::Application, &e))?;
    answer(stream, progress).await
}

/// Reads the answer.
pub async fn answer(
    stream: &mut (impl AsyncRead + Unpin),
    progress: &Progress,
) -> Result<(Option<Receipt>, u64), Stopped> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 1_024];
    loop {
        let stopped = |ending, received: usize| {
            let phase = if received == 0 { Phase::Application } else { Phase::Transfer };
            Err(Stopped { phase, ending, received: received as u64 })
        };
        match stream.read(&mut chunk).await {
            Ok(0) if bytes.is_empty() => return stopped(Ending::Closed, 0),
            // Whoever answers and signs nothing is no node: a web site that a door hides behind.
            Ok(0) => return stopped(Ending::Imposter, bytes.len()),
            Ok(n) => {
                bytes.extend_from_slice(&chunk[..n]);
                progress.reached(Phase::Transfer, bytes.len() as u64);
            }
            Err(e) => return stopped(ending(&e), bytes.len()),
        }
        if let Some(receipt) = receipt(&bytes) {
            return Ok((Some(receipt), bytes.len() as u64));
        }
        if bytes.len() > LONGEST {
            return stopped(Ending::Unknown, bytes.len());
        }
    }
}

/// The receipt in an answer that is whole.
fn receipt(bytes: &[u8]) -> Option<Receipt> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    head.starts_with("HTTP/1.1 200 ").then(|| body.trim().parse().ok())?
}
