//! The clock of jobs, tokens and rate limits.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A clock that starts at zero. Clones show the same time.
///
/// The progress of jobs and the expiry of tokens follow it. The pauses of faults and
/// [`Builder::delay`](crate::Builder::delay) are always in real time.
#[derive(Clone)]
pub struct Clock(Kind);

#[derive(Clone)]
enum Kind {
    Real(Instant),
    Driven(Arc<Mutex<Duration>>),
}

impl Clock {
    /// A clock in real time.
    pub fn real() -> Clock {
        Clock(Kind::Real(Instant::now()))
    }

    /// A clock that changes only when [`advance`](Clock::advance) is called.
    pub fn driven() -> Clock {
        Clock(Kind::Driven(Arc::default()))
    }

    /// The time since the clock was created.
    pub fn now(&self) -> Duration {
        match &self.0 {
            Kind::Real(start) => start.elapsed(),
            Kind::Driven(now) => *now.lock().expect("no one panics with this lock"),
        }
    }

    /// Moves a driven clock forward. Panics on a real one.
    pub fn advance(&self, by: Duration) {
        match &self.0 {
            Kind::Real(_) => panic!("only a driven clock can be advanced"),
            Kind::Driven(now) => *now.lock().expect("no one panics with this lock") += by,
        }
    }
}
