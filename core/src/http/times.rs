//! Where the time of a call goes, for the log: only where somebody wants to know, as each look at the clock costs.

use std::cell::Cell;
use std::fmt::Write;
use std::time::{Duration, Instant};

use super::transport::FirstByteTimer;

/// A step of connecting.
#[derive(Clone, Copy)]
pub(super) enum Step {
    Lookup,
    Connect,
    Tls,
}

thread_local! {
    /// How long the steps of this thread's call took; `None`: nobody wants to know.
    static STEPS: Cell<Option<[Option<Duration>; 3]>> = const { Cell::new(None) };
}

/// The times of the call of this thread, until it is dropped.
pub(super) struct CallTimes {
    began: Instant,
    first_byte: FirstByteTimer,
    /// Those of a call that this one is inside of.
    outer: Option<[Option<Duration>; 3]>,
}

impl CallTimes {
    pub(super) fn start() -> CallTimes {
        let outer = STEPS.replace(Some([None; 3]));
        CallTimes { began: Instant::now(), first_byte: FirstByteTimer::start(), outer }
    }

    /// `lookup 1.2 ms, connect 20.1 ms, TLS 41.0 ms, first byte 80.4 ms, total 143.0 ms`: without the steps that were not
    /// necessary, as those of a connection that was open.
    pub(super) fn end(self) -> String {
        let total = self.began.elapsed();
        let [lookup, connect, tls] = STEPS.get().unwrap_or_default();
        let steps = [
            ("lookup", lookup),
            ("connect", connect),
            ("TLS", tls),
            ("first byte", self.first_byte.elapsed()),
            ("total", Some(total)),
        ];
        let mut text = String::new();
        for (step, took) in steps {
            if let Some(took) = took {
                let separator = if text.is_empty() { "" } else { ", " };
                let _ = write!(text, "{separator}{step} {:.1} ms", took.as_secs_f64() * 1000.0);
            }
        }
        text
    }
}

impl Drop for CallTimes {
    fn drop(&mut self) {
        STEPS.set(self.outer);
    }
}

/// Does a step, and keeps how long it took if somebody wants to know. A step that is repeated, as by a proxy, adds up.
pub(super) fn timed<T>(step: Step, work: impl FnOnce() -> T) -> T {
    if STEPS.get().is_none() {
        return work();
    }
    let began = Instant::now();
    let result = work();
    if let Some(mut steps) = STEPS.get() {
        let took = &mut steps[step as usize];
        *took = Some(took.unwrap_or_default() + began.elapsed());
        STEPS.set(Some(steps));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_that_were_made_are_there() {
        timed(Step::Tls, || ());
        let outer = CallTimes::start();
        let inner = CallTimes::start();
        timed(Step::Lookup, || ());
        assert!(inner.end().starts_with("lookup 0.") && STEPS.get().is_some());
        timed(Step::Connect, || ());
        timed(Step::Connect, || ());
        let text = outer.end();
        assert!(text.starts_with("connect 0.") && text.contains(" ms, total 0.") && !text.contains("TLS"), "{text}");
        assert!(STEPS.get().is_none());
    }
}
