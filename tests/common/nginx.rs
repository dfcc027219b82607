//! A real nginx.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::authority::{Authority, Pair};
use super::{Daemon, free_port, scratch};

/// A real nginx.
pub struct Nginx {
    daemon: Option<Daemon>,
    directory: Directory,
    pub port: u16,
    is_tls: bool,
}

impl Nginx {
    /// `conf` is in its `server` block, and what is in front of the word OUTSIDE above it. In `conf`, `URL` stands for
    /// `upstream`, `DIR` for its directory, `PORT` for its port and `CLOSED` for one without a listener.
    pub fn new(upstream: &str, address: &str, tls: Option<(&Pair, &Authority)>, conf: &str) -> Nginx {
        let (directory, port) = (scratch(&unique("nginx")), free_port());
        let dir = directory.display();
        if let Some((pair, authority)) = tls {
            fs::write(directory.join("cert.pem"), &pair.cert).unwrap();
            fs::write(directory.join("key.pem"), &pair.key).unwrap();
            fs::write(directory.join("ca.pem"), &authority.pair.cert).unwrap();
        }
        let (ssl, files) = match tls {
            Some(_) => ("ssl", format!("ssl_certificate {dir}/cert.pem; ssl_certificate_key {dir}/key.pem;")),
            None => ("", String::new()),
        };
        // For the check that it listens.
        let local = if address == "127.0.0.1" { String::new() } else { format!("listen 127.0.0.1:{port} {ssl};") };
        let listen = match conf.contains("listen ") {
            true => String::new(),
            false => format!("listen {address}:{port} {ssl}; {local}"),
        };
        let conf = conf.replace("URL", upstream).replace("DIR", directory.to_str().unwrap());
        let conf = conf.replace("PORT", &port.to_string()).replace("CLOSED", &free_port().to_string());
        let (outside, conf) = conf.split_once("OUTSIDE").unwrap_or(("", &conf));
        let config = format!(
            "daemon off; master_process off; pid {dir}/pid; error_log {dir}/error.log; user root;
             events {{}}
             http {{
                 access_log off; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p;
                 fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s; {outside}
                 server {{ {listen} {files} {conf} }}
             }}",
        );
        fs::write(directory.join("nginx.conf"), config).unwrap();
        let mut nginx = Nginx { daemon: None, directory: Directory(directory), port, is_tls: tls.is_some() };
        nginx.start_again();
        nginx
    }

    /// Ends it if it runs, and starts it.
    pub fn start_again(&mut self) {
        self.daemon = None;
        let directory = self.directory.0.to_str().unwrap();
        let mut command = Command::new("nginx");
        command.args(["-p", directory, "-c", "nginx.conf", "-e", "error.log"]);
        self.daemon = Some(Daemon::start(&mut command, self.port));
    }

    pub fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().expect("it was started")
    }

    /// Where its configuration, certificate, key and the authority `ca.pem` are.
    pub fn directory(&self) -> &Path {
        &self.directory.0
    }

    pub fn url(&self, host: &str) -> String {
        format!("http{}://{host}:{}", if self.is_tls { "s" } else { "" }, self.port)
    }
}

/// Deleted when it is dropped.
pub struct Directory(pub PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A name for a directory of this process.
pub fn unique(name: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}
