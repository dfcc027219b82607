//! HTTP/1.1 for a server with small answers: parses requests and renders answers.

use std::io::{self, ErrorKind, Read};

use crate::script::{Ending, Script, Step};

/// The limits of a header, in bytes and lines, and of a body, in bytes.
const MAX_LENGTH: usize = 64 << 10;
const MAX_HEADERS: usize = 100;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`
    pub method: String,
    /// The target as sent: `/crm/v7/Leads/actions/mass_delete?job_id=1001`
    pub target: String,
    /// Names and values in the order and case in which they came.
    pub headers: Vec<(String, String)>,
    /// Empty where there was none.
    pub body: Vec<u8>,
    /// The client requests that the connection be closed after the response.
    pub(crate) closes: bool,
}

impl Request {
    /// The value of the first header with this name, case-insensitive.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name))?;
        Some(&found.1)
    }

    /// The target's path, not decoded.
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The parameters in the target.
    pub(crate) fn query(&self) -> Vec<(String, String)> {
        decode_form(self.target.split_once('?').map_or("", |(_, query)| query))
    }

    /// The parameters in the body; none if it is not a form.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        let media_type = self.header("Content-Type").and_then(|value| value.split(';').next());
        match media_type {
            Some(form) if form.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") => {
                decode_form(&String::from_utf8_lossy(&self.body))
            }
            _ => Vec::new(),
        }
    }
}

/// The value of the first parameter of that name.
pub(crate) fn parameter<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = parameters.iter().find(|(n, _)| n == name)?;
    Some(&found.1)
}

/// Reads more bytes; the end of the stream is an error.
pub(crate) fn fill(stream: &mut impl Read, buffer: &mut Vec<u8>) -> io::Result<()> {
    let mut bytes = [0; 8 << 10];
    match stream.read(&mut bytes)? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        n => {
            buffer.extend(&bytes[..n]);
            Ok(())
        }
    }
}

/// Reads one request. `buffer` has what was read ahead, and keeps what follows the request.
///
/// The error's kind is `InvalidData` if the bytes are not a request that this server supports.
pub(crate) fn read_request(stream: &mut impl Read, buffer: &mut Vec<u8>) -> io::Result<Request> {
    let (mut request, head_length) = loop {
        if let Some(head) = parse_head(buffer)? {
            break head;
        }
        if buffer.len() > MAX_LENGTH {
            return Err(bad_request("the header is too long"));
        }
        fill(stream, buffer)?;
    };
    if request.header("Transfer-Encoding").is_some() {
        return Err(bad_request("a chunked request"));
    }
    let body_length = match request.header("Content-Length") {
        None => 0,
        Some(text) => text.parse().map_err(|_| bad_request("Content-Length is no number"))?,
    };
    if body_length > MAX_LENGTH {
        return Err(bad_request("the body is too long"));
    }
    let length = head_length + body_length;
    while buffer.len() < length {
        fill(stream, buffer)?;
    }
    request.body = buffer[head_length..length].to_vec();
    buffer.drain(..length);
    Ok(request)
}

/// The request at the beginning of `buffer`, without its body, and the length of its header; `None`
/// while that is incomplete.
fn parse_head(buffer: &[u8]) -> io::Result<Option<(Request, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let length = match parsed.parse(buffer).map_err(bad_request)? {
        httparse::Status::Partial => return Ok(None),
        httparse::Status::Complete(length) => length,
    };
    let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
    let headers = parsed.headers.iter();
    let mut request = Request {
        method: text(parsed.method),
        target: text(parsed.path),
        headers: headers
            .map(|header| (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned()))
            .collect(),
        body: Vec::new(),
        closes: false,
    };
    let connection = request.header("Connection").unwrap_or_default().to_ascii_lowercase();
    request.closes = match parsed.version {
        Some(0) => !connection.contains("keep-alive"),
        _ => connection.contains("close"),
    };
    Ok(Some((request, length)))
}

fn bad_request(reason: impl ToString) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, reason.to_string())
}

/// Decodes `a=1&b=%20+`. Invalid escapes are left as they are.
fn decode_form(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => match escaped(tail) {
                Some(byte) => {
                    rest = &tail[2..];
                    byte
                }
                None => b'%',
            },
            byte => byte,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The byte whose two hexadecimal digits `text` starts with.
fn escaped(text: &[u8]) -> Option<u8> {
    let digit = |index: usize| char::from(*text.get(index)?).to_digit(16);
    Some((digit(0)? * 16 + digit(1)?) as u8)
}

/// An answer before it is put into bytes.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Answer {
        Answer { status, headers: vec![("Content-Type".into(), content_type.into())], body: body.into() }
    }

    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Answer {
        Answer::new(status, "application/json;charset=UTF-8", body)
    }

    pub fn html(status: u16, body: impl Into<Vec<u8>>) -> Answer {
        Answer::new(status, "text/html;charset=UTF-8", body)
    }

    /// Whether it has a header that announces the close of the connection.
    pub fn closes(&self) -> bool {
        let says_so = |(name, value): &(String, String)| {
            name.eq_ignore_ascii_case("Connection") && value.eq_ignore_ascii_case("close")
        };
        self.headers.iter().any(says_so)
    }

    /// The status line and the header, with these lines of framing.
    pub fn head(&self, version: &str, framing: &[(&str, &str)]) -> Vec<u8> {
        let mut head = format!("{version} {} {}\r\n", self.status, reason(self.status));
        let own = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.chain(framing.iter().copied()) {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// The well-formed answer: HTTP/1.1 with a Content-Length.
    pub fn render(&self) -> Vec<u8> {
        // These two have neither a body nor its length.
        if matches!(self.status, 204 | 304) {
            return self.head("HTTP/1.1", &[]);
        }
        let mut bytes = self.head("HTTP/1.1", &[("Content-Length", &self.body.len().to_string())]);
        bytes.extend(&self.body);
        bytes
    }

    /// The script that delivers it without a fault.
    pub fn script(&self) -> Script {
        Script::new([Step::Send(self.render())], Ending::KeepAlive)
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_percent_decoded() {
        let form = decode_form("refresh_token=1000.a%2Bb&client_id=x+y&odd=%zz%4&flag&=");
        assert_eq!(parameter(&form, "refresh_token"), Some("1000.a+b"));
        assert_eq!(parameter(&form, "client_id"), Some("x y"));
        assert_eq!(parameter(&form, "odd"), Some("%zz%4"));
        assert_eq!(parameter(&form, "flag"), Some(""));
    }

    #[test]
    fn a_request_leaves_what_follows_it_in_the_buffer() {
        let mut stream: &[u8] = b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.0\r\n\r\n";
        let mut buffer = Vec::new();
        let first = read_request(&mut stream, &mut buffer).unwrap();
        assert_eq!((first.target.as_str(), first.body.as_slice(), first.closes), ("/a", &b"abc"[..], false));
        let second = read_request(&mut stream, &mut buffer).unwrap();
        assert_eq!((second.target.as_str(), second.closes), ("/b", true));
        assert!(buffer.is_empty());
    }
}
