//! The steps of the policy, in the order in which [`plan`](crate::plan()) takes them.

pub(crate) mod admit;
pub(crate) mod breaker;
pub(crate) mod fill;
pub(crate) mod forget;
pub(crate) mod give_up;
pub(crate) mod hand_over;
pub(crate) mod lost;
pub(crate) mod outward;
pub(crate) mod replace;
pub(crate) mod rest;
pub(crate) mod retire;
pub(crate) mod step_in;
pub(crate) mod summary;
pub(crate) mod surplus;
pub(crate) mod vet;
pub(crate) mod withhold;
