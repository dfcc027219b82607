//! A real Squid.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::{Daemon, free_port, scratch};

/// A Squid that resolves the stand-in's names, and may require the user `zmd` with the password `p@ss`.
pub struct Squid {
    pub port: u16,
    pub directory: PathBuf,
    daemon: Option<Daemon>,
}

impl Squid {
    pub fn start(name: &str, with_password: bool) -> Squid {
        let access = match with_password {
            true => LOGIN,
            false => "http_access allow all",
        };
        Squid::with(name, access)
    }

    /// With these rules of access; `DIR` in them stands for its directory.
    pub fn with(name: &str, access: &str) -> Squid {
        let (directory, port) = (scratch(name), free_port());
        let dir = directory.display();
        // The hash of p@ss, by `openssl passwd -apr1 -salt zmdzmdzm`.
        fs::write(directory.join("passwords"), format!("zmd:{PASSWORD_HASH}\n")).unwrap();
        fs::write(directory.join("hosts"), "127.0.0.1 localhost api.zmd.test\n").unwrap();
        let access = access.replace("DIR", directory.to_str().unwrap());
        let config = format!(
            "http_port 127.0.0.1:{port}
             hosts_file {dir}/hosts
             pid_filename none
             cache_log {dir}/cache.log
             access_log stdio:{dir}/access.log
             logfile_rotate 0
             cache deny all
             coredump_dir {dir}
             pinger_enable off
             shutdown_lifetime 0 seconds
             {access}\n"
        );
        fs::write(
            directory.join("squid.conf"),
            config.replace("\n             ", "\n").replace("\n                 ", "\n"),
        )
        .unwrap();
        let mut squid = Squid { port, directory, daemon: None };
        squid.start_again();
        squid
    }

    /// Ends it if it runs, and starts it.
    pub fn start_again(&mut self) {
        self.daemon = None;
        let (file, port) = (self.directory.join("squid.conf"), self.port);
        let mut command = Command::new("squid");
        command.args(["-N", "-n", &format!("zmd{port}"), "-f", file.to_str().unwrap()]);
        self.daemon = Some(Daemon::start(&mut command, port));
    }

    pub fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().expect("it was started")
    }

    /// Whether a tunnel to `target` was opened and closed: Squid logs it when it is closed.
    pub fn has_served(&self, target: &str) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(10) {
            let log = fs::read_to_string(self.directory.join("access.log")).unwrap_or_default();
            if log.contains(&format!("CONNECT {target} ")) {
                return true;
            }
            thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for Squid {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

const PASSWORD_HASH: &str = "$apr1$zmdzmdzm$vNu2D7MZgBmsdw9kSdamV.";

const LOGIN: &str = "auth_param basic program /usr/lib/squid/basic_ncsa_auth DIR/passwords
auth_param basic children 1
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all";
