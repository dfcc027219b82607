//! What `make dist` packs for x86-64, installed in an empty place by its own tool, and used there.
//!
//! The libraries are those that `make manylinux` builds; scripts/dist packs them as it does those of all targets. In `make test-dist` it is
//! what has been packed from those that ship.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use common::*;

use super::install::{Installed, debian_packages_work, files, make, manylinux};
use super::shipped::{ALL, expected};

const TARGETS: &str = "TARGETS=x86_64-unknown-linux-gnu";

/// The directory of the packages, which are made twice and must be the same; nothing where a tool is missing.
fn packed() -> Option<&'static Path> {
    static PACKED: OnceLock<PathBuf> = OnceLock::new();
    if let Some((dist, _)) = shipped() {
        return Some(PACKED.get_or_init(|| dist));
    }
    let built = manylinux()?;
    if ["python3", "rpmbuild", "dpkg-deb"].into_iter().any(missing) {
        return None;
    }
    Some(PACKED.get_or_init(|| {
        let [first, second] = ["dist", "dist-again"].map(fresh);
        for (to, umask) in [(&first, "022"), (&second, "077")] {
            let variables = [("NATIVE", &built), ("DIST", to)].map(|(name, path)| format!("{name}={}", path.display()));
            let mut shell = from_a_shell("sh");
            shell.args(["-c", "umask $1; shift; exec \"$@\"", "sh", umask]);
            let make = make(&["dist", TARGETS, "PACKAGES=tar deb rpm wheel", &variables[0], &variables[1]]);
            shell.arg(make.get_program()).args(make.get_args());
            shell.env("CARGO", env!("CARGO")).env("CARGO_TARGET_DIR", target()).env_remove("MAKEFLAGS");
            // Somebody may commit meanwhile.
            shell.env("SOURCE_DATE_EPOCH", "1700000000");
            text_of(&mut shell);
        }
        let sums = fs::read_to_string(first.join("SHA256SUMS")).unwrap();
        assert_eq!(sums, fs::read_to_string(second.join("SHA256SUMS")).unwrap(), "another run makes the same");
        text_of(Command::new("sha256sum").args(["--quiet", "-c", "SHA256SUMS"]).current_dir(&first));
        fs::remove_dir_all(second).unwrap();
        first
    }))
}

/// An empty directory below target/.
fn fresh(name: &str) -> PathBuf {
    let directory = built().join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

/// The packages whose names end so.
fn packages(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.to_str().unwrap().ends_with(ending));
    found.sort();
    found
}

/// Unpacks the archive for Linux.
fn unpacked(dist: &Path, to: &Path) -> PathBuf {
    let name = format!("zmd-{}-linux-x86_64", full_version());
    text_of(Command::new("tar").arg("-xzf").arg(dist.join(format!("{name}.tar.gz"))).arg("-C").arg(to));
    to.join(name)
}

#[test]
fn the_directory_has_the_packages_licenses_and_sboms() {
    let Some(dist) = packed() else { return };
    assert_eq!(files(dist), expected(&ALL[..1]));
}

/// The archive is installed by a user, used, and removed.
#[test]
fn the_archive_installs_itself() {
    let Some(dist) = packed() else { return };
    if missing("pkg-config") {
        return;
    }
    let installed = Installed::relocatable("dist-tar", "usr/lib");
    let unpacked = unpacked(dist, &installed.work);
    let install = |arguments: &[&str]| {
        let mut script = Command::new(unpacked.join("install.sh"));
        script.args(arguments).env_clear().env("HOME", installed.root.join("home")).env("PATH", "/usr/bin:/bin");
        text_of(&mut script)
    };
    let prefix = installed.root.join("usr");
    let said = install(&[prefix.to_str().unwrap()]);
    assert!(said.contains(&format!("export PATH=\"{}/bin:$PATH\"", prefix.display())), "{said}");
    // What `make install` installs, and nothing else.
    let made = scratch("dist-made");
    let variables =
        [("DESTDIR", &*made), ("RELEASE", release())].map(|(name, path)| format!("{name}={}", path.display()));
    text_of(make(&["install", "prefix=/usr", "libdir=/usr/lib", "STATIC_LIBRARIES="]).args(variables));
    assert_eq!(files(&installed.root), files(&made));
    fs::remove_dir_all(made).unwrap();
    installed.programs_work();
    install(&["--uninstall", prefix.to_str().unwrap()]);
    assert_eq!(files(&installed.root), [""; 0]);
    assert!(install(&[]).contains("home/.local"));
    assert!(installed.root.join("home/.local/bin/zmd").exists());
}

/// Programs that have loaded the library go on with it.
#[test]
fn the_archive_replaces_what_is_in_use() {
    use std::os::unix::fs::MetadataExt;
    let Some(dist) = packed() else { return };
    let directory = scratch("dist-replaced");
    let unpacked = unpacked(dist, &directory);
    let install = || text_of(Command::new(unpacked.join("install.sh")).arg(directory.join("prefix")));
    install();
    let library = directory.join("prefix/lib").join(format!("libzmd.so.{}", full_version()));
    let before = fs::metadata(&library).unwrap().ino();
    // The name of a file that is open is another one's then.
    let _open = fs::File::open(&library).unwrap();
    install();
    assert_ne!(before, fs::metadata(&library).unwrap().ino());
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn the_packages_for_debian_do_their_work() {
    let Some(dist) = packed() else { return };
    if ["lintian", "pkg-config"].into_iter().any(missing) {
        return;
    }
    debian_packages_work(&packages(dist, "_amd64.deb"), "usr/lib/x86_64-linux-gnu");
}

#[test]
fn the_wheel_does_its_work() {
    let Some(dist) = packed() else { return };
    let installed = Installed::new("dist-wheel", "lib");
    let home = installed.work.join("venv");
    text_of(Command::new("python3").args(["-m", "venv"]).arg(&home));
    text_of(
        Command::new(home.join("bin/pip"))
            .args(["install", "-q", "--no-index"])
            .args(packages(dist, "-manylinux2014_x86_64.whl")),
    );
    let mut python = installed.command(home.join("bin/python"));
    python.arg("-c").arg(doc_block("bindings/python/README.md", "# zmd\n", "python")).env_remove("PYTHONPATH");
    assert_eq!(text_of(&mut python), "9 of 9 deleted\n");
    let answer = text_of(installed.command(home.join("bin/zmd")).args(["status", "Leads", "1001"]));
    assert_eq!(answer, "Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed\n");
}

/// A tree with the programs of a small system, in which the C library has no symbols that are newer than those of RHEL 7: they have
/// other names there.
struct OldSystem(PathBuf);

impl OldSystem {
    /// Nothing, where this is not root, who alone can enter it.
    fn new(name: &str) -> Option<OldSystem> {
        if text_of(Command::new("id").arg("-u")).trim() != "0" && missing("root, who can enter another tree") {
            return None;
        }
        let system = OldSystem(scratch(name));
        for program in ["cat", "cp", "dirname", "find", "ls", "mkdir", "mv", "rm", "rmdir", "sed", "sh", "uname"] {
            system.add(
                &text_of(Command::new("sh").args(["-c", &format!("command -v {program}")])),
                &format!("bin/{program}"),
            );
        }
        system.add("/sbin/ldconfig", "sbin/ldconfig");
        // Today's libc.so.6 has what was in these.
        for library in ["libdl.so.2", "libm.so.6", "libpthread.so.0", "librt.so.1", "libutil.so.1"] {
            let path = Path::new("lib/x86_64-linux-gnu").join(library);
            system.copy(&Path::new("/").join(&path), &system.0.join(&path));
        }
        fs::create_dir_all(system.0.join("dev")).unwrap();
        fs::write(system.0.join("dev/null"), "").unwrap();
        fs::create_dir_all(system.0.join("etc")).unwrap();
        fs::write(system.0.join("etc/ld.so.conf"), "/usr/lib64\n").unwrap();
        Some(system)
    }

    /// Copies a program of this machine, and the libraries that it needs.
    fn add(&self, program: &str, to: &str) {
        let program = program.trim();
        self.copy(Path::new(program), &self.0.join(to));
        let (_, libraries, _) = run(Command::new("ldd").arg(program));
        for library in libraries.split_whitespace().filter(|word| word.starts_with('/')) {
            self.copy(Path::new(library), &self.0.join(&library[1..]));
        }
    }

    fn copy(&self, from: &Path, to: &Path) {
        let mut bytes = fs::read(from).unwrap();
        // GLIBC_2.18 to GLIBC_2.99, in what defines them and in what needs them, get a number that nobody knows.
        for at in 0..bytes.len().saturating_sub(11) {
            let is_new =
                |digits: &[u8]| (*b"18"..=*b"99").contains(&[digits[0], digits[1]]) && digits[1].is_ascii_digit();
            if bytes[at..].starts_with(b"GLIBC_2.") && is_new(&bytes[at + 8..]) && bytes[at + 10] == 0 {
                bytes[at + 6] = b'9';
            }
        }
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        let _ = fs::remove_file(to);
        let patched = PathBuf::from(format!("{}.patched", to.display()));
        fs::write(&patched, bytes).unwrap();
        copy_program(&patched, to);
        fs::remove_file(patched).unwrap();
        fs::set_permissions(to, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A command in the tree.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("/usr/sbin/chroot");
        command.arg(&self.0).args(words).env_clear().env("PATH", "/bin:/usr/bin").env("HOME", "/home");
        command
    }

    /// The command, and a program with the library, which the loader finds by itself or has to be told.
    fn zmd_works(&self, prefix: &str, library_directory: &str, is_found: bool) {
        let sim = sim();
        sim.accept_any_token();
        let with_sim = |words: &[&str]| {
            let mut command = self.command(words);
            if !is_found {
                command.env("LD_LIBRARY_PATH", library_directory);
            }
            text_of(environment(&mut command, &sim))
        };
        let zmd = format!("{prefix}/bin/zmd");
        assert_eq!(with_sim(&[&zmd, "status", "Leads", "1001"]), "Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed\n");
        let example = built().join(format!("example-{}", self.0.file_name().unwrap().display()));
        let mut compile = Command::new("cc");
        compile.arg(format!("-I{}{prefix}/include", self.0.display())).arg(format!("{ROOT}/bindings/c/example.c"));
        compile.arg(format!("-L{}{library_directory}", self.0.display())).args(["-lzmd", "-o"]).arg(&example);
        text_of(&mut compile);
        self.add(example.to_str().unwrap(), "bin/example");
        assert_eq!(with_sim(&["/bin/example", "Leads", "1001"]), "COMPLETED, 9 of 9 deleted, 0 failed\n");
    }
}

impl Drop for OldSystem {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_archive_works_with_the_c_library_of_rhel_7() {
    let Some(dist) = packed() else { return };
    let Some(system) = OldSystem::new("dist-old-tar") else { return };
    // A program of this machine does not run there.
    copy_program("/bin/ls", &system.0.join("bin/ls-of-today"));
    let (exit, _, err) = run(&mut system.command(&["/bin/ls-of-today"]));
    assert!(exit == Some(1) && err.contains("version `GLIBC_2.") && err.contains("not found"), "{exit:?} {err}");

    let opt = system.0.join("opt");
    fs::create_dir(&opt).unwrap();
    let unpacked = unpacked(dist, &opt);
    let script = Path::new("/opt").join(unpacked.file_name().unwrap()).join("install.sh");
    let said = text_of(&mut system.command(&[script.to_str().unwrap()]));
    assert!(said.contains("zmd is installed in /home/.local"), "{said}");
    system.zmd_works("/home/.local", "/home/.local/lib", false);
}

#[test]
fn the_rpms_are_installed_with_the_c_library_of_rhel_7_and_are_removed() {
    let Some(dist) = packed() else { return };
    if missing("rpm") {
        return;
    }
    let Some(system) = OldSystem::new("dist-rpm") else { return };
    let before = files(&system.0);
    let rpm = |arguments: &[&str]| {
        let mut rpm = Command::new("rpm");
        rpm.arg("--root").arg(&system.0).args(["--dbpath", "/var/lib/rpm"]).args(arguments).env("LC_ALL", "C");
        rpm
    };
    let packages = packages(dist, ".x86_64.rpm");
    // What the tree has is not of packages.
    text_of(rpm(&["--nodeps", "-i"]).args(&packages));
    let all = ["libzmd", "libzmd-devel", "zmd"];
    assert_eq!(text_of(rpm(&["-V", "--nodeps"]).args(all)), "");
    let mut needed: Vec<_> =
        text_of(rpm(&["-q", "--requires"]).args(all)).split("GLIBC_2.").skip(1).map(str::to_owned).collect();
    needed.retain(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse::<u32>().unwrap() > 17);
    assert_eq!(needed, [""; 0]);
    let provided = text_of(rpm(&["-q", "--provides"]).args(all));
    for word in ["libzmd.so.0()(64bit)", &format!("pkgconfig(zmd) = {}", full_version())] {
        assert!(provided.lines().any(|line| line == word), "{word}: {provided}");
    }
    // ldconfig has run: the loader finds the library by itself.
    system.zmd_works("/usr", "/usr/lib64", true);
    fs::remove_file(system.0.join("bin/example")).unwrap();
    text_of(rpm(&["-e"]).args(all));
    let mut left = files(&system.0);
    let is_a_systems = |file: &str| {
        let starts = ["lib/x86_64-linux-gnu/", "var/lib/rpm/", "var/cache/ldconfig/", "etc/ld.so.cache"];
        starts.iter().any(|start| file.starts_with(start))
    };
    left.retain(|file| !before.contains(file) && !is_a_systems(file));
    assert_eq!(left, [""; 0]);
}

/// Of what a machine lacks, `make dist` says what it is, makes the rest, and fails.
#[test]
fn make_dist_names_what_is_missing() {
    let Some(native) = manylinux() else { return };
    let directory = scratch("dist-missing");
    let path = directory.join("bin");
    fs::create_dir(&path).unwrap();
    // Every program but one.
    for place in ["/usr/bin", "/bin", "/usr/sbin", "/sbin"] {
        for entry in fs::read_dir(place).unwrap().map(|entry| entry.unwrap()) {
            let link = path.join(entry.file_name());
            if entry.file_name() != "rpmbuild" && !link.exists() {
                let _ = std::os::unix::fs::symlink(entry.path(), link);
            }
        }
    }
    // With another PATH cargo would compile it again.
    let zmd = native.join("x86_64-unknown-linux-gnu/zmd");
    let variables = [("NATIVE", native), ("DIST", directory.join("dist")), ("ZMD", zmd)];
    let variables = variables.map(|(name, path)| format!("{name}={}", path.display()));
    let mut make_dist = make(&["dist", TARGETS, "PACKAGES=rpm tar"]);
    let (exit, _, err) = run(make_dist.args(variables).env("PATH", &path));
    assert!(exit != Some(0) && err.contains("rpm: rpmbuild: apt-get install rpm"), "{err}");
    assert_eq!(packages(&directory.join("dist"), ".tar.gz").len(), 1);
    for (wrong, word) in
        [("TARGETS=sparc", "there is no target sparc"), ("PACKAGES=floppy", "there is no packaging/floppy")]
    {
        let (exit, _, err) = run(&mut make(&["dist", wrong]));
        assert!(exit != Some(0) && err.contains(word), "{err}");
    }
    fs::remove_dir_all(directory).unwrap();
}
