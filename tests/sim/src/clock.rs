//! The time that jobs, tokens and their limits go by.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A clock that starts at zero. Clones show the same time.
///
/// It tells how far jobs are and when tokens expire. The pauses of faults and
/// [`Builder::delay`](crate::Builder::delay) are real time in any case.
#[derive(Clone)]
pub struct Clock(Kind);

#[derive(Clone)]
enum Kind {
    Real(Instant),
    Driven(Arc<Mutex<Duration>>),
}

impl Clock {
    /// A clock that runs.
    pub fn real() -> Clock {
        Clock(Kind::Real(Instant::now()))
    }

    /// A clock that stands still until [`advance`](Clock::advance) is called.
    pub fn driven() -> Clock {
        Clock(Kind::Driven(Arc::default()))
    }

    /// The time since the clock was made.
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
