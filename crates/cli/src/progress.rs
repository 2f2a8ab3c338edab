//! What is happening, while it happens: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use damm_engine::{Event, Listener};
use damm_fleet::{Subject, Timestamp};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;
use crate::render::{Line, Style};

/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// Tells of progress on standard error.
#[derive(Clone)]
pub struct Progress {
    bar: Option<ProgressBar>,
    output: Output,
    /// What was waited for last, so that it is told once.
    waiting: Arc<Mutex<Option<Timestamp>>>,
}

impl Progress {
    /// A bar when standard error is a terminal and nothing else is asked for.
    pub fn new(output: &Output) -> Self {
        let terminal = std::io::stderr().is_terminal() && !output.json();
        let bar = terminal.then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{spinner} {pos}/{len} steps  {wide_msg}");
            // The template is fixed and right; a test holds it.
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(TICK);
            bar
        });
        Self { bar, output: *output, waiting: Arc::default() }
    }

    /// Shows the bar again after a question.
    pub fn again(&self) -> Self {
        if let Some(bar) = &self.bar {
            bar.reset();
            bar.set_length(0);
            bar.enable_steady_tick(TICK);
        }
        self.clone()
    }

    /// What the engine calls.
    pub fn listener(&self) -> Listener {
        let this = self.clone();
        Listener::new(move |event| this.hear(event))
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Tells a line.
    pub fn say(&self, line: &Line) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.output.note(line)),
            None => self.output.note(line),
        }
    }

    fn hear(&self, event: &Event) {
        self.count(event);
        if let Some(line) = self.line(event) {
            self.say(&line);
        }
    }

    fn count(&self, event: &Event) {
        let Some(bar) = &self.bar else { return };
        match event {
            Event::Due { steps } => bar.inc_length(*steps as u64),
            Event::Began { step } => bar.set_message(step.to_string()),
            Event::Done { .. } | Event::Failed { .. } | Event::Breach { .. } => bar.inc(1),
            Event::Waiting { .. } => bar.set_message("waiting for the providers"),
            _ => {}
        }
    }

    /// The line of an event that is worth one.
    fn line(&self, event: &Event) -> Option<Line> {
        let talks = self.output.verbose > 0;
        match event {
            Event::Done { step } if talks => {
                Some(mark(Style::Good, "✓").put(Style::Dim, step.to_string()))
            }
            Event::Failed {
                step,
                class,
                message,
            } => Some(
                mark(Style::Warn, "!").put(Style::Plain, format!("{step}: {class}: {message}")),
            ),
            Event::Breach { what } => {
                Some(mark(Style::Bad, "✗").put(Style::Plain, format!("not done: {what}")))
            }
            Event::Observed { subject, to, .. } if talks || matches!(subject, Subject::Node(_)) => {
                Some(mark(Style::Good, "✓").put(Style::Plain, format!("{subject} is {to}")))
            }
            Event::Unlisted { provider, message } => Some(mark(Style::Warn, "!").put(
                Style::Plain,
                format!("{provider} can't be listed: {message}"),
            )),
            Event::Stray {
                provider,
                provider_ref,
                ..
            } => Some(mark(Style::Warn, "!").put(
                Style::Plain,
                format!("{provider} shows {provider_ref}, which the ledger doesn't hold"),
            )),
            Event::Published {
                region,
                written,
                unchanged,
            } => Some(mark(Style::Accent, "↑").put(
                Style::Plain,
                format!("{region}: {written} catalogs published, {unchanged} unchanged"),
            )),
            Event::Adopted {
                blueprint,
                generation,
                changes,
            } => Some(mark(Style::Accent, "→").put(
                Style::Plain,
                format!(
                    "{blueprint} is the target: generation {generation}, {changes} entries changed"
                ),
            )),
            Event::Lags { channel, region, lag } => Some(
                mark(Style::Warn, "!")
                    .put(Style::Plain, format!("{channel} lags behind with {region}: {}", lag.why)),
            ),
            Event::CaughtUp { channel, region } => Some(
                mark(Style::Good, "✓")
                    .put(Style::Plain, format!("{channel} has caught up with {region}")),
            ),
            Event::Waiting { until } => self.waits(*until),
            _ => None,
        }
    }

    /// Plain lines tell a wait once; the bar tells it by itself.
    fn waits(&self, until: Timestamp) -> Option<Line> {
        let mut last = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let first = last.is_none();
        *last = Some(until);
        (first && self.bar.is_none())
            .then(|| mark(Style::Dim, "…").put(Style::Dim, "waiting for the providers"))
    }
}

fn mark(style: Style, symbol: &str) -> Line {
    Line::of(style, format!("{symbol} "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bars_template_is_right() {
        assert!(ProgressStyle::with_template("{spinner} {pos}/{len} steps  {wide_msg}").is_ok());
    }
}
