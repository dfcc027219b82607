//! A link that damages packets, in a network namespace of its own.
//!
//! A TUN device leads to this program, which exchanges source and destination of each packet and gives it back: what is
//! sent to [`ADDRESS`] arrives at the device's own address, and the answers come from `ADDRESS`. No checksum changes.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::place::tool;

/// What a client connects to.
pub const ADDRESS: &str = "10.99.0.2";

/// What happens to packets.
#[derive(Clone, Copy, Debug)]
pub enum Wire {
    Clean,
    /// Every so manieth is lost.
    Lose(usize),
    /// All are, from the moment on at which the fault begins.
    LoseAll,
    /// Those of the server are.
    LoseAnswers,
    /// Longer ones than this are, without a word.
    LoseLong(usize),
    /// Each takes so long, in either direction.
    Delay(Duration),
    /// Each arrives twice.
    Twice,
    /// Of two with data the first arrives last.
    Reorder,
    /// Of every so manieth a bit is wrong, which the checksum shows.
    Corrupt(usize),
    /// Two pairs of bytes of the server's data are exchanged, which the checksum does not show.
    Tamper,
    /// The end of every so manieth is cut off.
    Truncate(usize),
}

pub struct Running {
    is_on: Arc<AtomicBool>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Wire {
    pub fn start(self) -> Running {
        let tun = open();
        tool("ip addr add 10.99.0.1/24 dev tun0; ip link set tun0 up");
        let (is_on, is_over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (on, over) = (is_on.clone(), is_over.clone());
        let thread = std::thread::spawn(move || self.run(tun, &on, &over));
        Running { is_on, is_over, thread: Some(thread) }
    }

    fn run(self, mut tun: File, is_on: &AtomicBool, is_over: &AtomicBool) {
        let mut under_way: Vec<(Instant, Vec<u8>)> = Vec::new();
        let mut count = 0;
        let mut packet = vec![0; 65_536];
        while !is_over.load(Ordering::Relaxed) {
            let now = Instant::now();
            under_way.sort_by_key(|(at, _)| *at);
            let due = under_way.partition_point(|(at, _)| *at <= now);
            for (_, packet) in under_way.drain(..due) {
                // The device may be down.
                let _ = tun.write(&packet);
            }
            let next = under_way.first().map_or(Duration::from_millis(20), |(at, _)| *at - now);
            let wait = next.min(Duration::from_millis(20)).as_micros().div_ceil(1000) as i32;
            let mut ready = libc::pollfd { fd: tun.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            // SAFETY: it is one descriptor, which is open.
            if unsafe { libc::poll(&mut ready, 1, wait) } <= 0 {
                continue;
            }
            let Ok(length) = tun.read(&mut packet) else { continue };
            let mut packet = packet[..length].to_vec();
            // IPv4 with TCP.
            if length < 40 || packet[0] >> 4 != 4 || packet[9] != 6 {
                continue;
            }
            let is_answer = packet[12..16] == [10, 99, 0, 1] && is_from_server(&packet);
            exchange(&mut packet);
            let now = Instant::now();
            if !is_on.load(Ordering::Relaxed) {
                under_way.push((now, packet));
                continue;
            }
            count += 1;
            let at = self.damage(&mut packet, count, is_answer, now);
            under_way.extend(at.into_iter().map(|at| (at, packet.clone())));
        }
    }

    /// When the packet arrives, as often as it does.
    fn damage(self, packet: &mut Vec<u8>, count: usize, is_answer: bool, now: Instant) -> Vec<Instant> {
        let header = usize::from(packet[0] & 15) * 4;
        let data = header + usize::from(packet[header + 12] >> 4) * 4;
        let has_data = packet.len() > data;
        let is_lost = match self {
            Wire::Lose(each) => count.is_multiple_of(each),
            Wire::LoseAll => true,
            Wire::LoseAnswers => is_answer,
            Wire::LoseLong(length) => packet.len() > length,
            _ => false,
        };
        if is_lost {
            return Vec::new();
        }
        match self {
            Wire::Delay(delay) => vec![now + delay],
            Wire::Twice => vec![now, now],
            Wire::Reorder if has_data && count.is_multiple_of(2) => vec![now + Duration::from_millis(15)],
            Wire::Corrupt(each) if count.is_multiple_of(each) => {
                let middle = (header + packet.len()) / 2;
                packet[middle] ^= 4;
                vec![now]
            }
            Wire::Truncate(each) if count.is_multiple_of(each) => {
                packet.truncate(packet.len() - packet.len() / 4);
                vec![now]
            }
            Wire::Tamper if is_answer && packet.len() - data >= 48 => {
                // Of the last words of a TLS record, at even offsets of the segment, so that the sum stays.
                let end = data + (packet.len() - data) / 2 * 2;
                let words = [end - 24, end - 20];
                packet.swap(words[0], words[1]);
                packet.swap(words[0] + 1, words[1] + 1);
                vec![now]
            }
            _ => vec![now],
        }
    }
}

/// The port that is not an ephemeral one: see `free_port`.
fn is_from_server(packet: &[u8]) -> bool {
    let header = usize::from(packet[0] & 15) * 4;
    u16::from_be_bytes([packet[header], packet[header + 1]]) < 32_768
}

/// Source and destination.
fn exchange(packet: &mut [u8]) {
    let (source, destination) = packet[12..20].split_at_mut(4);
    source.swap_with_slice(destination);
}

impl Running {
    pub fn begin(&self) {
        self.is_on.store(true, Ordering::Relaxed);
    }

    pub fn end(&self) {
        self.is_on.store(false, Ordering::Relaxed);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A TUN device `tun0` in this thread's network namespace.
fn open() -> File {
    let tun =
        OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun").expect("TUN");
    // SAFETY: all zeros are a request.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"tun0") {
        *to = *from as _;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as _;
    // SAFETY: the descriptor is a TUN's, and the request is valid.
    let result = unsafe { libc::ioctl(tun.as_raw_fd(), libc::TUNSETIFF, &mut request) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    tun
}
