//! How the inner rooms' errors become exit codes. Their messages say what to do already.

use damm_planner::Refusal;

use crate::exit::{Exit, Failure};

impl From<damm_store::Error> for Failure {
    fn from(error: damm_store::Error) -> Self {
        use damm_store::Error as E;
        let exit = match error {
            E::Stale { .. } => Exit::Stale,
            _ => Exit::Error,
        };
        Self::new(exit, chain(&error))
    }
}

impl From<damm_vendors::SetupError> for Failure {
    fn from(error: damm_vendors::SetupError) -> Self {
        Self::error(error.to_string())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match &refusal {
            Refusal::Rule(violations) => {
                let rule = violations.first().map(|v| v.rule.to_string());
                let all: Vec<_> = violations.iter().map(ToString::to_string).collect();
                Self::new(Exit::Refused, message)
                    .rule(rule.unwrap_or_default())
                    .help("nothing was changed")
                    .details(all)
            }
            Refusal::TooEarly { on, .. } => Self::new(Exit::Refused, message)
                .rule(format!("it waits for {on}"))
                .help("nothing was changed; `damm explain` tells more"),
            Refusal::DoesNotFit { why, .. } => Self::new(Exit::Refused, message)
                .rule(why)
                .help("nothing was changed; `damm explain` tells more"),
            _ => Self::error(message).help("`damm show nodes` lists what there is"),
        }
    }
}

/// An error with its causes, as one sentence.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // Some errors repeat their cause in their own words.
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

impl From<damm_engine::Error> for Failure {
    fn from(error: damm_engine::Error) -> Self {
        use damm_engine::Error as E;
        match error {
            E::Store(error) => error.into(),
            E::Unlawful(ref violations) => {
                let rule = violations.first().map(|v| v.rule.to_string());
                let all: Vec<_> = violations.iter().map(ToString::to_string).collect();
                Self::new(Exit::Refused, chain(&error))
                    .rule(rule.unwrap_or_default())
                    .help(
                        "nothing was changed; this is a fault of damm's planner: please report it",
                    )
                    .details(all)
            }
            other => Self::error(chain(&other)),
        }
    }
}
