//! The task that writes: one connection, one transaction at a time, many callers' rows in each.
//!
//! A durable commit costs a wait for the disk. While one is under way, what other callers want to
//! write queues up, and all of it becomes the next one. A caller that goes away does not undo what
//! it asked for.

use std::sync::Arc;

use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{mpsc, oneshot};

use crate::error::{Error, Place, Result};
use crate::ledger::INTENTS;
use crate::open::{Held, reopen};
use crate::rows::{Groups, Row};
use crate::task::Task;

/// Callers whose rows share one commit, at most: bounds the time that the first of them waits.
const BATCH: usize = 512;

/// Rows that are written together or not at all, and the step that they belong to.
pub(crate) struct Rows {
    /// An intent's columns after its `seq`, which the writer gives.
    pub intent: Option<String>,
    /// The other rows, in order.
    pub rows: Vec<Row>,
}

/// Where a job's answer goes: the `seq` of its intent, or 0.
type Reply = oneshot::Sender<Result<u64>>;

/// What the writer is asked for.
enum Job {
    Rows(Rows, Reply),
    Alone(Task, Reply),
    Close(Reply),
}

/// The way to the writer. The writer ends when the last one of these is dropped.
#[derive(Clone)]
pub(crate) struct Queue(mpsc::UnboundedSender<Job>);

impl Queue {
    /// Starts a writer.
    pub fn start(held: Held, place: Arc<Place>) -> Self {
        let (sender, jobs) = mpsc::unbounded_channel();
        let writer = Writer { held, place, jobs };
        drop(tokio::spawn(writer.run()));
        Self(sender)
    }

    /// Writes rows; they share a commit with others'. The answer is the intent's `seq`.
    pub async fn rows(&self, rows: Rows, place: &Place) -> Result<u64> {
        self.ask(|reply| Job::Rows(rows, reply), place).await
    }

    /// Carries out a task in a transaction of its own.
    pub async fn alone(&self, task: Task, place: &Place) -> Result<u64> {
        self.ask(|reply| Job::Alone(task, reply), place).await
    }

    /// Ends the writer once all that was asked for before is written.
    pub async fn close(&self, place: &Place) -> Result<()> {
        self.ask(Job::Close, place).await.map(drop)
    }

    async fn ask(&self, job: impl FnOnce(Reply) -> Job, place: &Place) -> Result<u64> {
        let (reply, answer) = oneshot::channel();
        let closed = || Error::Closed { path: place.path() };
        self.0.send(job(reply)).map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}

struct Writer {
    held: Held,
    place: Arc<Place>,
    jobs: mpsc::UnboundedReceiver<Job>,
}

impl Writer {
    async fn run(mut self) {
        let mut next = self.jobs.recv().await;
        while let Some(job) = next.take() {
            match job {
                Job::Rows(rows, reply) => {
                    let mut batch = vec![(rows, reply)];
                    next = self.gather(&mut batch);
                    self.share(batch).await;
                }
                Job::Alone(task, reply) => {
                    let done = task.run(&mut self.held.conn, &self.place).await;
                    self.heal(done.is_err()).await;
                    let _ = reply.send(done.map(|()| 0));
                }
                Job::Close(reply) => return self.close(reply).await,
            }
            if next.is_none() {
                next = self.jobs.recv().await;
            }
        }
    }

    /// Takes all rows that wait, up to the first job of another kind, which is returned.
    fn gather(&mut self, batch: &mut Vec<(Rows, Reply)>) -> Option<Job> {
        while batch.len() < BATCH {
            match self.jobs.try_recv() {
                Ok(Job::Rows(rows, reply)) => batch.push((rows, reply)),
                Ok(other) => return Some(other),
                Err(_) => return None,
            }
        }
        None
    }

    /// Writes all in one transaction; when one of them can't be written, each in its own, so that
    /// nobody suffers from another's mistake.
    async fn share(&mut self, batch: Vec<(Rows, Reply)>) {
        if batch.len() > 1 {
            let all = batch.iter().map(|(rows, _)| rows).collect::<Vec<_>>();
            let shared = commit(&mut self.held.conn, &all).await;
            self.heal(shared.is_err()).await;
            if let Ok(seqs) = shared {
                for ((_, reply), seq) in batch.into_iter().zip(seqs) {
                    // A caller that went away does not want to know.
                    let _ = reply.send(Ok(seq));
                }
                return;
            }
        }
        for (rows, reply) in batch {
            let done = commit(&mut self.held.conn, &[&rows]).await;
            self.heal(done.is_err()).await;
            let seq = done.map(|seqs| seqs.first().copied().unwrap_or(0));
            let _ = reply.send(seq.map_err(|e| self.place.sql(e)));
        }
    }

    /// SQLite ends a transaction by itself when the disk is full, and sqlx then waits for ever for
    /// one to be ended: only another connection helps.
    async fn heal(&mut self, failed: bool) {
        if !failed {
            return;
        }
        // What is still queued, such as a roll-back, is carried out first; it may fail as well.
        let _ = self.held.conn.ping().await;
        if self.held.conn.is_in_transaction() {
            // Without a new one the old one stays, and its errors tell what is wrong.
            if let Ok(fresh) = reopen(&self.place).await {
                self.held.conn = fresh;
            }
        }
    }

    async fn close(self, reply: Reply) {
        let closed = self.held.conn.close().await;
        drop(self.held.lock);
        let _ = reply.send(closed.map(|()| 0).map_err(|e| self.place.sql(e)));
    }
}

/// Writes all rows in one transaction; the answer has each intent's `seq`, 0 where there is none.
async fn commit(conn: &mut SqliteConnection, batch: &[&Rows]) -> sqlx::Result<Vec<u64>> {
    let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
    let mut last: i64 = 0;
    if batch.iter().any(|rows| rows.intent.is_some()) {
        last = sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM intents")
            .fetch_one(&mut *tx)
            .await?;
    }
    let mut seqs = Vec::with_capacity(batch.len());
    let mut groups = Groups::default();
    for rows in batch {
        let seq = rows.intent.as_ref().map(|columns| {
            last += 1;
            groups.add(&INTENTS, &format!("[{last},{columns}]"));
            last.unsigned_abs()
        });
        seqs.push(seq.unwrap_or(0));
        for row in &rows.rows {
            groups.add(row.statement, &row.json);
        }
    }
    groups.write(&mut tx).await?;
    tx.commit().await?;
    Ok(seqs)
}
