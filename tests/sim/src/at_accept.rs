//! Faults of a connection before any request.

use crate::script::{Ending, Script, Step};

/// What the server does with a connection that it has accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the table describes each")]
pub enum AtAccept {
    Serve,
    Reset,
    Close,
    StallBeforeTls,
    Garbage,
    PlainInsteadOfTls,
}

/// In the order of the enum.
#[rustfmt::skip]
const TABLE: &[(AtAccept, &str, &str)] = &[
    (AtAccept::Serve, "serve", "it is served"),
    (AtAccept::Reset, "reset", "an RST at once"),
    (AtAccept::Close, "close", "it is closed at once"),
    (AtAccept::StallBeforeTls, "stall-before-tls", "silence, not even a byte of TLS"),
    (AtAccept::Garbage, "garbage", "bytes that are neither HTTP nor TLS, then closed"),
    (AtAccept::PlainInsteadOfTls, "plain-instead-of-tls", "it is served without TLS, although the server has TLS"),
];

impl AtAccept {
    /// All of them.
    pub fn all() -> impl Iterator<Item = AtAccept> {
        TABLE.iter().map(|row| row.0)
    }

    /// Its name on the command line: `stall-before-tls`.
    pub fn name(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// A one-line description.
    pub fn about(self) -> &'static str {
        TABLE[self as usize].2
    }

    /// The variant with this name.
    pub fn from_name(name: &str) -> Option<AtAccept> {
        AtAccept::all().find(|at_accept| at_accept.name() == name)
    }

    /// The script to run instead of serving requests; `None`: requests are served.
    pub(crate) fn script(self) -> Option<Script> {
        let (steps, ending) = match self {
            AtAccept::Serve | AtAccept::PlainInsteadOfTls => return None,
            AtAccept::Reset => (vec![], Ending::Reset),
            // After the FIN the client's data is still read: unread data would cause an RST.
            AtAccept::Close => (vec![Step::Finish, Step::Stall], Ending::Cut),
            AtAccept::StallBeforeTls => (vec![Step::Stall], Ending::Cut),
            AtAccept::Garbage => {
                let garbage = Step::Send(GARBAGE.to_vec());
                (vec![garbage, Step::Finish, Step::Stall], Ending::Cut)
            }
        };
        Some(Script::new(steps, ending))
    }
}

/// Bytes that are neither HTTP nor TLS, as from another kind of service on the port.
pub(crate) const GARBAGE: &[u8] = b"SSH-2.0-OpenSSH_9.6\r\n\x00\x00\x01\xfc\x09\x14\xff\xfe\x80\n\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_complete_and_in_the_order_of_the_enum() {
        for (index, at_accept) in AtAccept::all().enumerate() {
            assert_eq!(at_accept as usize, index);
            assert_eq!(AtAccept::from_name(at_accept.name()), Some(at_accept));
        }
        assert_eq!(TABLE.len(), AtAccept::PlainInsteadOfTls as usize + 1);
    }
}
