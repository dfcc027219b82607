//! Opens a tunnel through a proxy to the server: CONNECT (RFC 9110, section 9.3.6) and SOCKS 5
//! (RFC 1928, RFC 1929).

use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use base64::Engine;
use zeroize::Zeroizing;

use super::cause::{Cause, Refusal};
use super::page;
use super::response::{Response, place_of};
use super::route::USER_AGENT;
use super::stream::Stream;
use crate::words::words;

/// How much of a response to CONNECT is read. Proxies of large companies send dozens of lines with a 407.
const HEADER_LINES: usize = 100;
const HEADER_BYTES: usize = 64 * 1024;

/// How much of the page of a refusal is read.
const PAGE_BYTES: usize = 16 * 1024;

/// Requests a tunnel from an HTTP proxy to `host:port`; `login` is a user and a password.
pub(super) fn connect(
    proxy: &mut dyn Stream,
    host: &str,
    port: u16,
    login: Option<(&str, &str)>,
    until: Instant,
) -> Result<(), Cause> {
    let mut request = Zeroizing::new(format!(
        "CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: {USER_AGENT}\r\n\
         Proxy-Connection: Keep-Alive\r\n"
    ));
    let encoded = Zeroizing::new(login.map_or_else(String::new, |(user, password)| {
        let pair = Zeroizing::new(format!("{user}:{password}"));
        base64::engine::general_purpose::STANDARD.encode(pair.as_bytes())
    }));
    if login.is_some() {
        request.push_str(&format!("Proxy-Authorization: Basic {}\r\n", *encoded));
    }
    // What a message never repeats.
    let secrets = [&**encoded, login.map_or("", |(_, password)| password)];
    request.push_str("\r\n");
    proxy.write_all(request.as_bytes(), until)?;

    let mut response = Vec::new();
    let mut interim = 0;
    loop {
        match read_header(&response)? {
            Header::Partial => {}
            // Such as 100 Continue: the final response follows.
            Header::Whole { status: 100 | 102..200, length } => {
                interim += length;
                response.drain(..length);
                continue;
            }
            Header::Whole { status: 200..300, length } => {
                return match response.len() - length {
                    0 => Ok(()),
                    more => Err(Refusal::NoHttp(format!("{more} bytes came with its response to CONNECT")).into()),
                };
            }
            Header::Whole { length, .. } => {
                read_page(proxy, &mut response, length, until);
                return Err(refusal(&response, length, login.is_some(), secrets).into());
            }
        }
        if response.len() + interim >= HEADER_BYTES {
            return Err(Refusal::NoHttp("its response to CONNECT is longer than 64 KB".to_owned()).into());
        }
        if read_more(proxy, &mut response, HEADER_BYTES - interim, until)? == 0 {
            return Err(match response.len() + interim {
                0 => Cause::Io(io::ErrorKind::UnexpectedEof.into()),
                _ => Refusal::NoHttp("it closed the connection during its response to CONNECT".to_owned()).into(),
            });
        }
        // The record type of a TLS alert, and the major version of TLS.
        if response.starts_with(&[0x15, 3]) {
            return Err(Refusal::SpeaksTls.into());
        }
    }
}

/// Reads what there is, up to a length of all in all; 0 at the end.
fn read_more(proxy: &mut dyn Stream, bytes: &mut Vec<u8>, limit: usize, until: Instant) -> Result<usize, Cause> {
    let begin = bytes.len();
    bytes.resize((begin + 4096).min(limit), 0);
    let result = proxy.read(&mut bytes[begin..], until);
    bytes.truncate(begin + result.as_ref().copied().unwrap_or_default());
    result
}

/// How much of a response has arrived.
enum Header {
    Partial,
    Whole { status: u16, length: usize },
}

fn read_header(bytes: &[u8]) -> Result<Header, Cause> {
    let mut lines = [httparse::EMPTY_HEADER; HEADER_LINES];
    let mut response = httparse::Response::new(&mut lines);
    match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => {
            Ok(Header::Whole { status: response.code.unwrap_or_default(), length })
        }
        Ok(httparse::Status::Partial) => Ok(Header::Partial),
        Err(httparse::Error::TooManyHeaders) => {
            Err(Refusal::NoHttp(format!("its response to CONNECT has more than {HEADER_LINES} lines")).into())
        }
        Err(error) => Err(Refusal::NoHttp(format!("its response is not HTTP: {error}")).into()),
    }
}

/// Reads the page behind the header of a refusal, for its title. What does not come soon is not waited for.
fn read_page(proxy: &mut dyn Stream, response: &mut Vec<u8>, header: usize, until: Instant) {
    const SOON: Duration = Duration::from_secs(1);
    let mut lines = [httparse::EMPTY_HEADER; HEADER_LINES];
    let mut parsed = httparse::Response::new(&mut lines);
    let _ = parsed.parse(&response[..header]);
    let length = header_of(&parsed, "Content-Length").and_then(|text| text.trim().parse().ok());
    let end = header + length.unwrap_or(PAGE_BYTES).min(PAGE_BYTES);
    let until = until.min(Instant::now() + SOON);
    while response.len() < end && read_more(proxy, response, end, until).is_ok_and(|amount| amount > 0) {}
}

fn header_of(response: &httparse::Response, name: &str) -> Option<String> {
    let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
    Some(String::from_utf8_lossy(header.value).into_owned())
}

/// What a response other than success says.
fn refusal(bytes: &[u8], length: usize, had_login: bool, secrets: [&str; 2]) -> Refusal {
    let mut lines = [httparse::EMPTY_HEADER; HEADER_LINES];
    let mut response = httparse::Response::new(&mut lines);
    let _ = response.parse(&bytes[..length]);
    let status = response.code.unwrap_or_default();
    // nginx sends a page, where others close the connection.
    if status == 400 && String::from_utf8_lossy(bytes).contains("plain HTTP request was sent to HTTPS port") {
        return Refusal::SpeaksTls;
    }
    let shown = |text: &str| shown(text, secrets);
    let challenges = response.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("Proxy-Authenticate"));
    let schemes = challenges.flat_map(|header| schemes_of(&String::from_utf8_lossy(header.value)));
    let page = Response {
        body: bytes[length..].to_vec(),
        server: header_of(&response, "Server"),
        content_encoding: header_of(&response, "Content-Encoding"),
        ..Response::default()
    };
    Refusal::Http {
        status,
        reason: shown(response.reason.unwrap_or_default()),
        schemes: schemes.map(|scheme| shown(&scheme)).collect(),
        had_login,
        location: header_of(&response, "Location").map(|location| place_of(location.as_bytes())),
        page: (length < bytes.len()).then(|| shown(&page::describe(&page))),
    }
}

/// The schemes of a list of challenges: `NTLM, Basic realm="a, b"` has two (RFC 9110, section 11.6.1).
fn schemes_of(challenges: &str) -> Vec<String> {
    let mut is_quoted = false;
    let parts = challenges.split(|c| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    });
    // A part without a blank in front of its first `=` is a parameter of the challenge before it.
    let scheme_of = |part: &str| {
        let part = part.trim();
        let (name, rest) = part.split_once([' ', '\t']).unwrap_or((part, ""));
        let is_parameter = name.contains('=') || rest.trim_start().starts_with('=');
        (!name.is_empty() && !is_parameter).then(|| name.to_owned())
    };
    parts.filter_map(scheme_of).collect()
}

/// The words of a proxy that may be shown. A password may be as short as a word: so the words that contain it are not, nor,
/// where there is one, those that may be another form of it.
fn shown(text: &str, secrets: [&str; 2]) -> String {
    let secrets: Vec<_> =
        secrets.iter().filter(|secret| !secret.is_empty()).map(|secret| secret.to_lowercase()).collect();
    let may_hold_one = |word: &str| {
        let lower = word.to_lowercase();
        let parts = secrets.iter().flat_map(|secret| secret.split_whitespace());
        parts.clone().any(|part| lower.contains(part)) || !secrets.is_empty() && word.contains(['%', '&'])
    };
    let words = words(text);
    words.split(' ').map(|word| if may_hold_one(word) { "..." } else { word }).collect::<Vec<_>>().join(" ")
}

/// Where SOCKS is to connect to: the proxy looks up a name, an address is one that was looked up here.
pub(super) enum Target<'a> {
    Name(&'a str),
    Address(IpAddr),
}

/// Requests a connection from a SOCKS 5 proxy.
pub(super) fn socks(
    proxy: &mut dyn Stream,
    target: Target,
    port: u16,
    login: Option<(&str, &str)>,
    until: Instant,
) -> Result<(), Cause> {
    const NO_LOGIN: u8 = 0;
    const PASSWORD: u8 = 2;
    let greeting: &[u8] = if login.is_some() { &[5, 2, NO_LOGIN, PASSWORD] } else { &[5, 1, NO_LOGIN] };
    proxy.write_all(greeting, until)?;
    let [version, method] = read_exactly(proxy, until)?;
    if version != 5 {
        return Err(Refusal::NoSocks.into());
    }
    match (method, login) {
        (NO_LOGIN, _) => {}
        (PASSWORD, Some((user, password))) => {
            let length = |text: &str| u8::try_from(text.len()).map_err(|_| Cause::from(Refusal::LoginTooLong));
            let mut message = Zeroizing::new(vec![1, length(user)?]);
            message.extend_from_slice(user.as_bytes());
            message.push(length(password)?);
            message.extend_from_slice(password.as_bytes());
            proxy.write_all(&message, until)?;
            let [_, status] = read_exactly(proxy, until)?;
            if status != 0 {
                return Err(Refusal::WrongLogin.into());
            }
        }
        (_, Some(_)) => return Err(Refusal::WrongLogin.into()),
        (_, None) => return Err(Refusal::LoginWanted.into()),
    }

    let mut request = vec![5, 1, 0];
    match target {
        Target::Address(IpAddr::V4(address)) => {
            request.push(1);
            request.extend_from_slice(&address.octets());
        }
        Target::Address(IpAddr::V6(address)) => {
            request.push(4);
            request.extend_from_slice(&address.octets());
        }
        Target::Name(name) => {
            request.push(3);
            request.push(u8::try_from(name.len()).map_err(|_| Cause::from(Refusal::NoSocks))?);
            request.extend_from_slice(name.as_bytes());
        }
    }
    request.extend_from_slice(&port.to_be_bytes());
    proxy.write_all(&request, until)?;
    let [version, reply, _, kind] = read_exactly(proxy, until)?;
    if version != 5 {
        return Err(Refusal::NoSocks.into());
    }
    if reply != 0 {
        return Err(Refusal::Socks(reply).into());
    }
    // The address that the proxy connected from is of no interest.
    let length = match kind {
        1 => 4,
        4 => 16,
        3 => usize::from(read_exactly::<1>(proxy, until)?[0]),
        _ => return Err(Refusal::NoSocks.into()),
    };
    read_all(proxy, &mut vec![0; length + 2], until)
}

fn read_exactly<const N: usize>(proxy: &mut dyn Stream, until: Instant) -> Result<[u8; N], Cause> {
    let mut bytes = [0; N];
    read_all(proxy, &mut bytes, until)?;
    Ok(bytes)
}

fn read_all(proxy: &mut dyn Stream, mut bytes: &mut [u8], until: Instant) -> Result<(), Cause> {
    while !bytes.is_empty() {
        match proxy.read(bytes, until)? {
            0 => return Err(Cause::Io(io::ErrorKind::UnexpectedEof.into())),
            amount => bytes = &mut bytes[amount..],
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A proxy that has sent everything before the request, and then closes.
    #[derive(Debug)]
    struct Recorded(Vec<u8>);

    impl Stream for Recorded {
        fn read(&mut self, buffer: &mut [u8], _: Instant) -> Result<usize, Cause> {
            // A response may arrive in parts.
            let amount = buffer.len().min(self.0.len()).min(97);
            buffer[..amount].copy_from_slice(&self.0[..amount]);
            self.0.drain(..amount);
            Ok(amount)
        }

        fn write_all(&mut self, _: &[u8], _: Instant) -> Result<(), Cause> {
            Ok(())
        }

        fn is_reusable(&mut self) -> bool {
            true
        }
    }

    fn tunnel(response: &str) -> Result<(), Cause> {
        connect(&mut Recorded(response.as_bytes().to_vec()), "host", 443, None, Instant::now())
    }

    fn lines(count: usize) -> String {
        (0..count).map(|number| format!("X-Line-{number}: {}\r\n", "x".repeat(100))).collect()
    }

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes there")]
    fn a_tunnel_with_up_to_a_hundred_lines() {
        for count in [0, 1, 21, 100] {
            tunnel(&format!("HTTP/1.1 200 Connection established\r\n{}\r\n", lines(count))).unwrap();
        }
        let too_many = tunnel(&format!("HTTP/1.1 200 OK\r\n{}\r\n", lines(101)));
        assert!(matches!(too_many, Err(Cause::Refused(Refusal::NoHttp(why))) if why.contains("100 lines")));
        let too_long = tunnel(&format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(HEADER_BYTES)));
        assert!(matches!(too_long, Err(Cause::Refused(Refusal::NoHttp(why))) if why.contains("64 KB")));
    }

    #[test]
    fn a_407_with_many_lines_tells_what_it_offers() {
        let offers =
            "Proxy-Authenticate: Negotiate\r\nproxy-authenticate: NTLM\r\nProxy-Authenticate: Digest realm=\"x\"\r\n";
        let response = format!("HTTP/1.1 407 Proxy Authentication Required\r\n{}{offers}\r\n", lines(27));
        let Err(Cause::Refused(Refusal::Http { status, schemes, .. })) = tunnel(&response) else { panic!() };
        assert_eq!((status, schemes.join(" ")), (407, "Negotiate NTLM Digest".to_owned()));
    }

    #[test]
    fn a_proxy_that_repeats_the_credentials() {
        let response =
            "HTTP/1.1 407 no P4ss\r\nProxy-Authenticate: dXNlcjpwNHNz, Basic\r\n\r\n<title>p4ss p%34ss ok</title>";
        let mut proxy = Recorded(response.as_bytes().to_vec());
        let refused = connect(&mut proxy, "host", 443, Some(("user", "p4ss")), Instant::now());
        let Err(Cause::Refused(Refusal::Http { reason, schemes, had_login, page, .. })) = refused else { panic!() };
        assert_eq!((&*reason, schemes.join(" "), had_login), ("no ...", "... Basic".to_owned(), true));
        assert_eq!(page.unwrap(), "the page ... ... ok\"");
    }

    #[test]
    fn several_challenges_in_one_line() {
        for (line, schemes) in [
            ("Basic", "Basic"),
            ("NTLM, Basic", "NTLM Basic"),
            ("Basic realm=\"a, b\", charset=\"UTF-8\", Negotiate", "Basic Negotiate"),
            ("Negotiate TlRMTVNTUAAC==,Digest realm = x, qop=auth", "Negotiate Digest"),
            (" , ,", ""),
            ("", ""),
        ] {
            assert_eq!(schemes_of(line).join(" "), schemes, "{line}");
        }
    }

    #[test]
    fn an_interim_response_comes_before_the_final_one() {
        let interim = "HTTP/1.1 100 Continue\r\nX: y\r\n\r\n";
        tunnel(&format!("{interim}{interim}HTTP/1.1 200 OK\r\n\r\n")).unwrap();
        let refused = tunnel(&format!("{interim}HTTP/1.1 403 No\r\n\r\n"));
        assert!(matches!(refused, Err(Cause::Refused(Refusal::Http { status: 403, .. }))), "{refused:?}");
        let endless = tunnel(&interim.repeat(3000));
        assert!(matches!(&endless, Err(Cause::Refused(Refusal::NoHttp(why))) if why.contains("64 KB")), "{endless:?}");
        assert!(matches!(tunnel(interim), Err(Cause::Refused(Refusal::NoHttp(why))) if why.contains("closed")));
        assert!(matches!(
            tunnel("HTTP/1.1 101 Switching\r\n\r\n"),
            Err(Cause::Refused(Refusal::Http { status: 101, .. }))
        ));
    }

    #[test]
    fn a_refusal_has_a_location_and_a_page() {
        let body = "<title>Log in</title>";
        let head =
            format!("HTTP/1.1 302 Found\r\nLocation: https://portal.test/?u=1\r\nContent-Length: {}\r\n", body.len());
        let Err(Cause::Refused(Refusal::Http { location, page, .. })) = tunnel(&format!("{head}\r\n{body}more")) else {
            panic!()
        };
        assert_eq!((&*location.unwrap(), &*page.unwrap()), ("https://portal.test", "the page \"Log in\""));
        let Err(Cause::Refused(Refusal::Http { location, page, .. })) = tunnel("HTTP/1.1 502 Bad\r\n\r\n") else {
            panic!()
        };
        assert_eq!((location, page), (None, None));
    }

    #[test]
    fn a_proxy_that_wants_tls_says_so_in_a_page() {
        let page = |status: &str| {
            tunnel(&format!("HTTP/1.1 {status} Bad\r\n\r\nThe plain HTTP request was sent to HTTPS port"))
        };
        assert!(matches!(page("400"), Err(Cause::Refused(Refusal::SpeaksTls))));
        assert!(matches!(page("500"), Err(Cause::Refused(Refusal::Http { status: 500, .. }))));
        let other = tunnel("HTTP/1.1 400 Bad\r\n\r\n");
        assert!(matches!(other, Err(Cause::Refused(Refusal::Http { status: 400, had_login: false, .. }))));
    }

    #[test]
    fn what_is_no_proxy() {
        assert!(matches!(tunnel(""), Err(Cause::Io(_))));
        assert!(matches!(tunnel("HTTP/1.1 200 OK\r\n"), Err(Cause::Refused(Refusal::NoHttp(_)))));
        assert!(matches!(tunnel("SSH-2.0-OpenSSH\r\n"), Err(Cause::Refused(Refusal::NoHttp(_)))));
        assert!(matches!(tunnel("\x15\x03\x01\x00\x02\x02\x46"), Err(Cause::Refused(Refusal::SpeaksTls))));
        assert!(matches!(tunnel("HTTP/1.1 200 OK\r\n\r\nmore"), Err(Cause::Refused(Refusal::NoHttp(_)))));
    }

    fn socks_reply(sent: &[u8], login: Option<(&str, &str)>) -> Result<(), Cause> {
        socks(&mut Recorded(sent.to_vec()), Target::Name("host"), 443, login, Instant::now())
    }

    #[test]
    fn socks_replies() {
        let user = Some(("user", "password"));
        socks_reply(&[5, 0, 5, 0, 0, 1, 1, 2, 3, 4, 0, 80], None).unwrap();
        socks_reply(&[5, 0, 5, 0, 0, 3, 2, b'a', b'b', 0, 80], user).unwrap();
        socks_reply(&[5, 2, 1, 0, 5, 0, 0, 4, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 80], user)
            .unwrap();
        let refused = |sent: &[u8], login| match socks_reply(sent, login) {
            Err(Cause::Refused(refusal)) => format!("{refusal:?}"),
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(&[5, 255], None), "LoginWanted");
        assert_eq!(refused(&[5, 2, 1, 1], user), "WrongLogin");
        assert_eq!(refused(&[5, 255], user), "WrongLogin");
        assert_eq!(refused(&[5, 0, 5, 2, 0, 1], None), "Socks(2)");
        assert_eq!(refused(b"HTTP/1.1 400", None), "NoSocks");
        assert_eq!(refused(&[5, 0, 5, 0, 0, 9], None), "NoSocks");
        assert!(matches!(socks_reply(&[5], None), Err(Cause::Io(_))));
    }
}
