//! The steps in which a connection delivers one answer.

use std::time::Duration;

/// One step.
#[derive(Debug)]
pub(crate) enum Step {
    /// Write these bytes.
    Send(Vec<u8>),
    /// Write these bytes one at a time, with a pause after each.
    Drip(Vec<u8>, Duration),
    /// Write these bytes repeatedly, with a pause after each time, until the peer closes the
    /// connection.
    Repeat(Vec<u8>, Duration),
    /// Shut down the sending side: send a FIN.
    Finish,
    /// Send nothing until the peer closes.
    Stall,
}

/// What happens to the connection after the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It waits for the next request.
    KeepAlive,
    /// It waits for the next request, and is closed when that has arrived.
    CloseOnNext,
    /// It is closed properly: with TLS, a close_notify precedes the FIN.
    Close,
    /// It is closed as when a server process exits: a bare FIN.
    Cut,
    /// It is closed with an RST.
    Reset,
}

#[derive(Debug)]
pub(crate) struct Script {
    pub steps: Vec<Step>,
    pub ending: Ending,
}

impl Script {
    pub fn new(steps: impl IntoIterator<Item = Step>, ending: Ending) -> Script {
        Script { steps: steps.into_iter().collect(), ending }
    }

    /// The step after which the peer may consider the exchange complete; none if the peer must close
    /// the connection.
    pub fn last_send(&self) -> Option<usize> {
        let last = self.steps.iter().rposition(|step| matches!(step, Step::Send(_)))?;
        let endless = |step: &Step| matches!(step, Step::Repeat(..) | Step::Stall);
        (!self.steps[last..].iter().any(endless)).then_some(last)
    }

    /// Whether the connection will serve another request.
    pub fn keeps_alive(&self) -> bool {
        matches!(self.ending, Ending::KeepAlive | Ending::CloseOnNext)
    }
}
