//! Waiting for jobs to end: when each job is polled, who polls it, and what a response means for its wait.
//!
//! [`schedule`] decides what to do next and has no clock, [`pace`] chooses the pause between two polls of a job,
//! [`outcome`] judges each response, and [`workers`] makes the polls. [`call`] runs a schedule during one call, [`queue`]
//! until it is dropped.

mod again;
mod call;
mod due;
mod kept;
mod logged;
mod operation;
mod outcome;
pub(crate) mod pace;
mod poller;
pub(crate) mod queue;
mod readiness;
mod reported;
mod schedule;
mod shortage;
#[cfg(test)]
mod scripted;
mod workers;

pub(crate) use call::run_call;
pub(crate) use kept::Kept;
pub(crate) use operation::Operation;
pub(crate) use poller::{Limits, Poller, Query};
pub use reported::{Polled, Progress, Waited};
#[cfg(test)]
pub(crate) use schedule::{Event, Schedule};
#[cfg(test)]
pub(crate) use workers::{Shared, run_on_this_thread};
