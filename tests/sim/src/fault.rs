//! Faulty and unusual answers below the level of JSON.

use std::time::Duration;

use crate::at_accept::GARBAGE;
use crate::http::Answer;
use crate::script::{Ending, Script, Step};

/// A faulty way to deliver an answer, or an unusual one that a client must accept.
///
/// The answers for a job with the id `fault-` and the [`name`](Fault::name) always have this fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the table describes each")]
pub enum Fault {
    Reset,
    ResetInBody,
    Close,
    StallBeforeHeader,
    StallInHeader,
    StallInBody,
    Slow,
    SlowForever,
    TruncateHeader,
    TruncateBody,
    ShortLength,
    Garbage,
    GarbageStatus,
    HugeHeader,
    HugeBody,
    BigBody,
    CloseAfterAnswer,
    CloseOnSecond,
    Chunked,
    Http10,
    Bom,
    Interim,
}

/// In the order of the enum.
#[rustfmt::skip]
const TABLE: &[(Fault, &str, &str)] = &[
    (Fault::Reset, "reset", "an RST before any byte"),
    (Fault::ResetInBody, "reset-in-body", "an RST in the middle of the body"),
    (Fault::Close, "close", "the connection is closed before any byte"),
    (Fault::StallBeforeHeader, "stall-before-header", "silence, until the client gives up"),
    (Fault::StallInHeader, "stall-in-header", "silence in the middle of the header"),
    (Fault::StallInBody, "stall-in-body", "silence in the middle of the body"),
    (Fault::Slow, "slow", "a good answer, a byte every 20 ms"),
    (Fault::SlowForever, "slow-forever", "an endless header line, a byte every 100 ms"),
    (Fault::TruncateHeader, "truncate-header", "closed in the middle of the header"),
    (Fault::TruncateBody, "truncate-body", "closed in the middle of the body"),
    (Fault::ShortLength, "short-length", "Content-Length is half of the body; the other half precedes the next answer"),
    (Fault::Garbage, "garbage", "bytes that are not HTTP, then closed"),
    (Fault::GarbageStatus, "garbage-status", "an invalid status line, then closed"),
    (Fault::HugeHeader, "huge-header", "an endless header"),
    (Fault::HugeBody, "huge-body", "an endless chunked body"),
    (Fault::BigBody, "big-body", "the answer's JSON and blanks, 2 MiB in all"),
    (Fault::CloseAfterAnswer, "close-after-answer", "a good answer, after which the connection is closed without Connection: close"),
    (Fault::CloseOnSecond, "close-on-second", "a good answer; the connection is closed when its next request arrives"),
    (Fault::Chunked, "chunked", "a good answer, chunked"),
    (Fault::Http10, "http10", "a good answer in HTTP/1.0, which ends with the connection"),
    (Fault::Bom, "bom", "a good answer after a byte order mark"),
    (Fault::Interim, "interim", "a good answer after a 100 and a 103"),
];

const SIZE_OF_BIG_BODY: usize = 2 << 20;

impl Fault {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Fault> {
        TABLE.iter().map(|row| row.0)
    }

    /// Its name in job ids: `truncate-body`.
    pub fn name(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// A one-line description.
    pub fn about(self) -> &'static str {
        TABLE[self as usize].2
    }

    /// The fault with this name.
    pub fn from_name(name: &str) -> Option<Fault> {
        Fault::all().find(|fault| fault.name() == name)
    }

    /// The script that delivers an answer with this fault.
    pub(crate) fn script(self, answer: &Answer) -> Script {
        let whole = answer.render();
        let head_length = whole.len() - answer.body.len();
        let in_head = whole[..head_length / 2].to_vec();
        let in_body = whole[..head_length + answer.body.len() / 2].to_vec();
        let send = |bytes: &[u8]| Step::Send(bytes.to_vec());
        let no_pause = Duration::ZERO;

        match self {
            Fault::Reset => Script::new([], Ending::Reset),
            Fault::ResetInBody => Script::new([Step::Send(in_body)], Ending::Reset),
            Fault::Close => Script::new([], Ending::Cut),
            Fault::StallBeforeHeader => Script::new([Step::Stall], Ending::Cut),
            Fault::StallInHeader => Script::new([Step::Send(in_head), Step::Stall], Ending::Cut),
            Fault::StallInBody => Script::new([Step::Send(in_body), Step::Stall], Ending::Cut),
            Fault::Slow => {
                let (last, rest) = whole.split_last().expect("an answer has a status line");
                let drip = Step::Drip(rest.to_vec(), Duration::from_millis(20));
                Script::new([drip, send(&[*last])], Ending::KeepAlive)
            }
            Fault::SlowForever => Script::new(
                [send(b"HTTP/1.1 200 OK\r\nX-Slow: "), Step::Repeat(b"a".to_vec(), Duration::from_millis(100))],
                Ending::Cut,
            ),
            Fault::TruncateHeader => Script::new([Step::Send(in_head)], Ending::Cut),
            Fault::TruncateBody => Script::new([Step::Send(in_body)], Ending::Cut),
            Fault::ShortLength => {
                let mut bytes = answer.head("HTTP/1.1", &[("Content-Length", &(answer.body.len() / 2).to_string())]);
                bytes.extend(&answer.body);
                Script::new([Step::Send(bytes)], Ending::KeepAlive)
            }
            Fault::Garbage => Script::new([send(GARBAGE)], Ending::Close),
            Fault::GarbageStatus => {
                Script::new([send(b"HTTP/1.1 2OO maybe\r\nContent-Length: 0\r\n\r\n")], Ending::Close)
            }
            Fault::HugeHeader => {
                let line = format!("X-Filler: {}\r\n", "a".repeat(1000));
                Script::new([send(b"HTTP/1.1 200 OK\r\n"), Step::Repeat(line.into_bytes(), no_pause)], Ending::Cut)
            }
            Fault::HugeBody => {
                let mut bytes = answer.head("HTTP/1.1", &[("Transfer-Encoding", "chunked")]);
                bytes.extend(chunk(&answer.body));
                Script::new([Step::Send(bytes), Step::Repeat(chunk(&[b' '; 16 << 10]), no_pause)], Ending::Cut)
            }
            Fault::BigBody => {
                let mut big = answer.clone();
                big.body.resize(SIZE_OF_BIG_BODY, b' ');
                big.script()
            }
            Fault::CloseAfterAnswer => Script::new([Step::Send(whole)], Ending::Close),
            Fault::CloseOnSecond => Script::new([Step::Send(whole)], Ending::CloseOnNext),
            Fault::Chunked => {
                let mut bytes = answer.head("HTTP/1.1", &[("Transfer-Encoding", "chunked")]);
                for piece in answer.body.chunks(16) {
                    bytes.extend(chunk(piece));
                }
                bytes.extend(chunk(b""));
                Script::new([Step::Send(bytes)], Ending::KeepAlive)
            }
            Fault::Http10 => {
                let mut bytes = answer.head("HTTP/1.0", &[]);
                bytes.extend(&answer.body);
                Script::new([Step::Send(bytes)], Ending::Close)
            }
            Fault::Bom => {
                let mut marked = answer.clone();
                marked.body.splice(..0, *b"\xEF\xBB\xBF");
                marked.script()
            }
            Fault::Interim => {
                let mut bytes = b"HTTP/1.1 100 Continue\r\n\r\n".to_vec();
                bytes.extend(b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n");
                bytes.extend(whole);
                Script::new([Step::Send(bytes)], Ending::KeepAlive)
            }
        }
    }
}

/// One chunk of a chunked body; the empty one ends it.
fn chunk(data: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{:x}\r\n", data.len()).into_bytes();
    bytes.extend(data);
    bytes.extend(b"\r\n");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_complete_and_in_the_order_of_the_enum() {
        for (index, fault) in Fault::all().enumerate() {
            assert_eq!(fault as usize, index);
            assert_eq!(Fault::from_name(fault.name()), Some(fault));
        }
        assert_eq!(TABLE.len(), Fault::Interim as usize + 1);
    }
}
