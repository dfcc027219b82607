//! The library and the command `zmd` on other targets than this machine's: built by cross/build, and asked under emulators.
//! `make test-targets` runs these. `make test-dist` runs them and those that are ignored, with what scripts/native has built.
//!
//! What only Unix has, `fork()` and signals, is tested on this machine's target alone (tests/c/fork_test.c,
//! tests/c/signal_test.c); Windows has neither.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use common::*;
use zmd_sim::{End, Job, Reply, Sim};

use super::install::files;

/// A stand-in with the jobs of tests/c/target_test.c.
fn stand_in(tls: bool) -> Sim {
    let [refresh_token, client_id, client_secret] = REFRESH;
    let builder = Sim::builder().refresh_token(refresh_token, client_id, client_secret);
    let sim = with_job(if tls { builder.tls().start() } else { builder.start() });
    sim.add_job("Leads", "1002", Job::new(50_000, 0.0));
    sim.add_job("Leads", "1003", Job { failed: 2, ..Job::new(9, f64::INFINITY) });
    sim.add_job("Leads", "1004", Job { failed: 9, ends: End::Failed, ..Job::new(9, f64::INFINITY) });
    sim
}

/// A system and a processor: what compiles C for it, and what runs its programs here.
pub struct Platform {
    /// As Rust names it.
    pub target: &'static str,
    cc: &'static str,
    runner: &'static [&'static str],
}

#[rustfmt::skip]
pub mod platforms {
    use super::Platform;

    pub static LINUX: Platform = Platform { target: "x86_64-unknown-linux-gnu", cc: "gcc", runner: &[] };
    pub static LINUX_MUSL: Platform = Platform { target: "x86_64-unknown-linux-musl", cc: "musl-gcc", runner: &[] };
    pub static LINUX_32: Platform = Platform { target: "i686-unknown-linux-gnu", cc: "i686-linux-gnu-gcc",
        runner: &["/usr/i686-linux-gnu/lib/ld-linux.so.2", "--library-path", "/usr/i686-linux-gnu/lib"] };
    pub static LINUX_ARM: Platform = Platform { target: "aarch64-unknown-linux-gnu", cc: "aarch64-linux-gnu-gcc",
        runner: &["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"] };
    pub static LINUX_POWER: Platform = Platform { target: "powerpc64le-unknown-linux-gnu", cc: "powerpc64le-linux-gnu-gcc",
        runner: &["qemu-ppc64le", "-L", "/usr/powerpc64le-linux-gnu"] };
    pub static LINUX_Z: Platform = Platform { target: "s390x-unknown-linux-gnu", cc: "s390x-linux-gnu-gcc",
        runner: &["qemu-s390x", "-L", "/usr/s390x-linux-gnu"] };
    pub static WINDOWS: Platform = Platform { target: "x86_64-pc-windows-gnu", cc: "x86_64-w64-mingw32-gcc",
        runner: &["/usr/lib/wine/wine64"] };
    pub static WINDOWS_32: Platform = Platform { target: "i686-pc-windows-gnu", cc: "i686-w64-mingw32-gcc",
        runner: &[concat!(env!("CARGO_MANIFEST_DIR"), "/../cross/wine32")] };
    /// Nothing compiles C for these, or runs their programs.
    pub static MACOS_ARM: Platform = Platform { target: "aarch64-apple-darwin", cc: "", runner: &[] };
    pub static MACOS: Platform = Platform { target: "x86_64-apple-darwin", cc: "", runner: &[] };
}

impl Platform {
    pub fn is_windows(&self) -> bool {
        self.target.contains("windows")
    }

    /// Whether `make test-dist` has nothing for it: `make dist TARGETS=...` makes what some need.
    pub fn is_absent(&self) -> bool {
        let is_absent = shipped().is_some_and(|(_, native)| !native.join(self.target).exists());
        if is_absent {
            required(&format!("the build of {}", self.target));
        }
        is_absent
    }

    /// Whether nothing runs its programs here, or what does is missing.
    pub fn cannot_run(&self) -> bool {
        let is_root = || text_of(Command::new("id").arg("-u")).trim() == "0";
        self.cc.is_empty()
            || [self.cc].into_iter().chain(self.runner.first().copied()).any(missing)
            || self.target.starts_with("i686-pc")
                && !Path::new("/usr/lib/wine/wine").exists()
                && (missing("debootstrap") || !is_root() && missing("wine32, or root who can install it elsewhere"))
    }

    /// A program for it, to be run here.
    pub fn program(&self, program: &Path) -> Command {
        let mut words = self.runner.iter().copied().chain(program.to_str());
        let mut command = Command::new(words.next().unwrap());
        command.args(words);
        if self.is_windows() {
            wine(&mut command);
        }
        command
    }

    /// Wine 8 has no bcryptprimitives.dll, which every Windows has: programs find it beside them.
    pub fn complete_windows(&self, directory: &Path) {
        let mut compile = Command::new(self.cc);
        compile.args(["-shared", "-o"]).arg(directory.join("bcryptprimitives.dll"));
        text_of(compile.arg(format!("{ROOT}/cross/bcryptprimitives.c")).args(["-ladvapi32", "-Wl,--kill-at"]));
    }
}

fn wine(command: &mut Command) {
    command.env("WINEPREFIX", built().join("wine")).env("WINEDEBUG", "-all").env("LC_ALL", "C.UTF-8");
}

/// What is built for a platform.
struct Target {
    name: &'static str,
    platform: &'static Platform,
    cxx: Vec<String>,
    built: PathBuf,
    directory: PathBuf,
}

impl Target {
    /// Builds the library and the command, unless a tool is missing; or takes those of scripts/native.
    fn new(platform: &'static Platform) -> Option<Target> {
        if platform.is_absent() || missing("/usr/bin/rustc") || platform.cannot_run() {
            return None;
        }
        let (name, cc) = (platform.target, platform.cc);
        // Of MinGW's two kinds, this one has std::mutex.
        let mut cxx = vec![cc.replace("mingw32-gcc", "mingw32-g++-posix").replace("gcc", "g++")];
        if !name.contains("musl") && missing(&cxx[0]) {
            return None;
        }
        if name.contains("linux") {
            let (exit, zig, err) = run(script("tools").arg("zig"));
            if exit == Some(77) && missing("a package index that has zig") {
                return None;
            }
            assert_eq!(exit, Some(0), "{err}");
            if cxx[0].contains("musl") {
                let zig = format!("{}/python-zig", zig.trim());
                cxx = [&zig, "c++", "-target", "x86_64-linux-musl"].map(str::to_owned).into();
            }
        }
        let built = built_for(name);
        for file in ["libzmd.so", "zmd.dll", "libzmd.a", "zmd", "zmd.exe"].map(|file| built.join(file)) {
            assert!(!file.exists() || paths_of_this_machine(&file).is_empty(), "{:?}", paths_of_this_machine(&file));
        }
        let target = Target { name, platform, cxx, built, directory: scratch(name) };
        target.headers();
        Some(target)
    }

    /// Compiles a C program.
    fn compile(&self, flags: &[&str], source: &str, name: &str) -> PathBuf {
        let program = self.directory.join(name);
        let mut compile = Command::new(self.platform.cc);
        compile.args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g", "-O1", "-o"]).arg(&program);
        text_of(compile.arg(format!("-I{ROOT}/include")).arg(format!("{ROOT}/{source}")).args(flags));
        program
    }

    /// The headers in every standard of the target's compilers; tests/c/header.c compares sizes, offsets and numbers.
    fn headers(&self) {
        let check = |compiler: &[String], standard: &str, language: &str, source: &str| {
            let mut compile = Command::new(&compiler[0]);
            compile.args(&compiler[1..]).args(["-c", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-o"]);
            compile.arg(self.directory.join("header.o"));
            compile.args([
                &format!("-std={standard}"),
                &format!("-I{ROOT}/include"),
                &format!("-I{ROOT}/bindings/cpp"),
            ]);
            text_of(compile.args(["-x", language]).arg(format!("{ROOT}/{source}")));
        };
        for standard in ["c99", "c11", "c17"] {
            check(&[self.platform.cc.to_owned()], standard, "c", "tests/c/header.c");
        }
        for standard in ["c++11", "c++14", "c++17", "c++20"] {
            check(&self.cxx, standard, "c++", "tests/c/header.c");
        }
        for standard in ["c++11", "c++20"] {
            check(&self.cxx, standard, "c++", "bindings/cpp/example.cpp");
        }
    }

    /// A program, to be run on the target.
    fn program(&self, program: &Path) -> Command {
        let mut command = self.platform.program(program);
        command.current_dir(&self.directory);
        command
    }

    /// tests/c/target_test.c, compiled as `program`, finds everything as it should be.
    fn holds(&self, program: &Path) {
        let config = self.directory.join("config.toml");
        fs::write(&config, "[plain]\ntimeout_ms = 20000\n\n[bad]\ncolour = 'blue'\n").unwrap();
        for tls in [false, true] {
            let sim = stand_in(tls);
            let run = |arguments: &[&str]| {
                let mut command = self.program(program);
                command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
                environment(&mut command, &sim).env("ZMD_POLL_MIN_MS", "10").env("ZMD_CONFIG_FILE", &config);
                command.spawn().unwrap()
            };
            let is_well = |child: Child| {
                let output = child.wait_with_output().unwrap();
                let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
                assert!(output.status.success() && out.trim() == "ok target_test", "{} {out}{err}", self.name);
            };
            sim.next(Reply::json(200, r#"{"data":[{"Status":"QUEUED"}]}"#));
            sim.next(Reply::json(200, r#"{"data":[{"Status":"RUNNING","Deleted_Count":4,"Total_Count":9}]}"#));
            is_well(run(&[]));
            // Of several processes at once one gets the token, the others take it from the cache.
            let cache = self.directory.join(format!("cache-{tls}"));
            let arguments = [cache.to_str().unwrap(), REFRESH[0], REFRESH[1], REFRESH[2]];
            let together: Vec<_> = (0..6).map(|_| run(&arguments)).collect();
            together.into_iter().for_each(is_well);
            assert_eq!(sim.token_requests(), 1, "{}", self.name);
        }
    }

    /// tests/c/stack_test.c, compiled as `program`, measures what the documentation says.
    fn stack(&self, program: &Path) {
        stack_is_small(&mut self.program(program), self.name);
    }

    /// The command: its lines, JSON and exit statuses, and doctor.
    fn command(&self, zmd: &Path) {
        let sim = stand_in(true);
        let zmd = |arguments: &[&str]| {
            let mut command = self.program(zmd);
            environment(command.args(arguments), &sim).env("ZMD_POLL_MIN_MS", "10");
            // Nobody's own.
            command.env("HOME", &self.directory).env_remove("XDG_CONFIG_HOME").stdin(Stdio::null());
            let (exit, out, err) = run(&mut command);
            // Wine says so of its own services that crash. Of a program that does, the exit status says it.
            let of_zmd = err.split_inclusive('\n').filter(|line| !line.starts_with("wine: "));
            (exit, out, of_zmd.collect::<String>())
        };
        assert_eq!(zmd(&["--version"]), (Some(0), format!("zmd {VERSION}\n"), String::new()), "{}", self.name);
        for (arguments, exit, line) in [
            (&["status", "Leads", "1001"][..], 0, "Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed"),
            (&["status", "Leads", "1003"], 1, "Leads 1003: COMPLETED, 7 of 9 deleted, 2 failed"),
            (&["status", "Leads", "1004"], 1, "Leads 1004: FAILED, 0 of 9 deleted, 9 failed"),
            (&["status", "Leads", "1002"], 2, "Leads 1002: RUNNING, 0 of 50000 deleted, 0 failed"),
        ] {
            assert_eq!(zmd(arguments), (Some(exit), format!("{line}\n"), String::new()), "{} {arguments:?}", self.name);
        }
        let (exit, out, _) = zmd(&["status", "--json", "Leads", "1001"]);
        assert!(exit == Some(0) && out.contains(r#""deleted":9,"failed":0,"successful":true"#), "{} {out}", self.name);
        let (exit, out, err) = zmd(&["status", "Leads", "4711"]);
        assert!(exit == Some(4) && out.is_empty() && err.starts_with("zmd: "), "{} {out} {err}", self.name);

        sim.next(Reply::json(200, r#"{"data":[{"Status":"RUNNING","Deleted_Count":4,"Total_Count":9}]}"#));
        let (exit, out, err) = zmd(&["wait", "Leads", "1001"]);
        assert_eq!(
            (exit, &*out),
            (Some(0), "Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed\n"),
            "{} {err}",
            self.name
        );
        assert!(err.contains("4 of 9"), "{err}");
        // A limit of zero polls once; what comes within another depends on the machine.
        for limit in ["0", "1s"] {
            let (exit, out, err) = zmd(&["wait", "--quiet", "--timeout", limit, "Leads", "1002"]);
            assert!(exit == Some(2) && err.contains("has not ended"), "{} {out} {err}", self.name);
            assert!(out.contains("RUNNING") || limit != "0", "{} {out} {err}", self.name);
        }

        let (exit, out, err) = zmd(&["doctor", "Leads", "1001"]);
        assert!(exit == Some(0) && out.contains("COMPLETED"), "{} {out} {err}", self.name);
        let (exit, out, err) = zmd(&["doctor", "Leads", "4711"]);
        assert!(exit == Some(4) && out.contains("4711"), "{} {out} {err}", self.name);
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A script of cross/, without what cargo sets for its tests: that is of another toolchain.
fn script(name: &str) -> Command {
    let mut command = Command::new(format!("{ROOT}/cross/{name}"));
    without_variables(&mut command, |name| {
        let is_cargos = name.starts_with("CARGO") && !name.starts_with("CARGO_PROFILE");
        (is_cargos || name.starts_with("RUST")) && !["CARGO_HOME", "CARGO_TARGET_DIR"].contains(&name)
    });
    command
}

/// The directory of what is built for a target; in `make test-dist`, of what is there already.
fn built_for(target: &str) -> PathBuf {
    match shipped() {
        Some((_, native)) => native.join(target),
        None => {
            text_of(script("build").arg(target));
            common::target().join(target).join("release")
        }
    }
}

/// What a library or program for Linux needs at run time: the names of the libraries, and the newest version of glibc.
fn needs(file: &Path) -> (Vec<String>, (u32, u32)) {
    let dynamic = text_of(Command::new("readelf").args(["-d", "-W"]).arg(file));
    let name_of = |line: &str| line.split_once("Shared library: [")?.1.split(']').next().map(str::to_owned);
    let symbols = text_of(Command::new("readelf").args(["--dyn-syms", "-W"]).arg(file));
    let version_of = |text: &str| {
        let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().unwrap_or(0));
        (numbers.next().unwrap(), numbers.next().unwrap_or(0))
    };
    // Where a function may be missing, its version may be missing, too.
    let strong = symbols.lines().filter(|line| !line.contains(" WEAK "));
    let newest = strong.filter_map(|line| line.split_once("@GLIBC_")).map(|(_, version)| version_of(version)).max();
    let versions = text_of(Command::new("readelf").args(["-V", "-W"]).arg(file));
    let named =
        versions.lines().filter(|line| line.contains("Flags: none")).filter_map(|line| line.split_once("GLIBC_"));
    assert_eq!(
        named.map(|(_, version)| version_of(version)).max(),
        newest,
        "{file:?} names a version that it does not need"
    );
    (dynamic.lines().filter_map(name_of).collect(), newest.unwrap_or_default())
}

/// The symbols that no version of glibc has: the loader looks for them in vain.
fn unknown_symbols(file: &Path) -> Vec<String> {
    let symbols = text_of(Command::new("readelf").args(["--dyn-syms", "-W"]).arg(file));
    let is_unknown = |line: &&str| line.contains(" GLOBAL ") && line.contains(" UND ") && !line.contains('@');
    symbols.lines().filter(is_unknown).map(str::to_owned).collect()
}

/// The functions of zmd.h, in order.
fn functions() -> Vec<String> {
    let header = fs::read_to_string(format!("{ROOT}/include/zmd.h")).unwrap();
    let name_of = |declaration: &str| declaration.split('(').next()?.rsplit([' ', '*']).next().map(str::to_owned);
    let mut names: Vec<_> = header.split("\nZMD_API\n").skip(1).filter_map(name_of).collect();
    names.sort_unstable();
    names
}

fn glibc(platform: &'static Platform) {
    let Some(target) = Target::new(platform) else { return };
    let name = target.name;
    for file in ["libzmd.so", "zmd"] {
        let (libraries, newest) = needs(&target.built.join(file));
        assert!((2, 0) < newest && newest <= (2, 17), "{name} {file} needs glibc {newest:?}");
        assert!(!libraries.iter().any(|library| library.contains("gcc")), "{name} {file}: {libraries:?}");
        assert_eq!(unknown_symbols(&target.built.join(file)), [""; 0], "{name} {file}");
    }
    assert_eq!(exported(&target.built.join("libzmd.so")), functions());
    std::os::unix::fs::symlink(target.built.join("libzmd.so"), target.directory.join("libzmd.so.0")).unwrap();
    let (search, path) =
        (format!("-L{}", target.built.display()), format!("-Wl,-rpath,{}", target.directory.display()));
    let flags = ["-std=c99", &search, &path, "-lzmd", "-lpthread"];
    target.holds(&target.compile(&flags, "tests/c/target_test.c", "target_test"));
    target.stack(&target.compile(&flags, "tests/c/stack_test.c", "stack_test"));
    // The static library does as well.
    let archive = target.built.join("libzmd.a");
    let flags = ["-std=c99", archive.to_str().unwrap(), "-lpthread", "-ldl", "-lm", "-lgcc_s"];
    target.holds(&target.compile(&flags, "tests/c/target_test.c", "static_test"));
    target.command(&target.built.join("zmd"));
}

#[test]
fn linux_on_arm() {
    glibc(&platforms::LINUX_ARM);
}

#[test]
fn linux_of_32_bits() {
    glibc(&platforms::LINUX_32);
}

/// Of another byte order.
#[test]
fn linux_on_z() {
    glibc(&platforms::LINUX_Z);
}

#[test]
#[ignore = "make test-dist"]
fn linux_on_power() {
    glibc(&platforms::LINUX_POWER);
}

/// A shared library and a program without any.
#[test]
fn linux_with_musl() {
    let Some(target) = Target::new(&platforms::LINUX_MUSL) else { return };
    let zmd = target.built.join("zmd");
    assert_eq!(needs(&zmd), (Vec::new(), (0, 0)));
    let library = target.built.join("libzmd.so");
    assert_eq!(needs(&library), (vec!["libc.so".to_owned()], (0, 0)));
    assert_eq!(exported(&library), functions());

    std::os::unix::fs::symlink(&library, target.directory.join("libzmd.so.0")).unwrap();
    let (search, path) =
        (format!("-L{}", target.built.display()), format!("-Wl,-rpath,{}", target.directory.display()));
    let flags = ["-std=c99", &search, &path, "-lzmd"];
    target.holds(&target.compile(&flags, "tests/c/target_test.c", "target_test"));
    let archive = target.built.join("libzmd.a");
    let flags = ["-std=c99", "-static", archive.to_str().unwrap()];
    let program = target.compile(&flags, "tests/c/target_test.c", "static_test");
    assert_eq!(needs(&program), (Vec::new(), (0, 0)));
    target.holds(&program);
    target.stack(&target.compile(&flags, "tests/c/stack_test.c", "stack_test"));
    target.command(&zmd);
}

fn windows(platform: &'static Platform, arch: &str) {
    if ["python3", "llvm-dlltool", "clang", "lld-link", "script"].into_iter().any(missing) {
        return;
    }
    let Some(target) = Target::new(platform) else { return };

    // What is tested is what is in the zip.
    text_of(script("package").args([target.name.as_ref(), target.built.as_os_str(), target.directory.as_os_str()]));
    let packed = format!("zmd-{VERSION}-windows-{arch}");
    let zip = target.directory.join(format!("{packed}.zip"));
    fs::remove_dir_all(target.directory.join(&packed)).unwrap();
    text_of(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&zip).arg(&target.directory));
    let package = target.directory.join(&packed);
    let expected = [
        "LICENSE-APACHE.txt",
        "LICENSE-MIT.txt",
        "README.txt",
        "THIRD-PARTY-LICENSES.txt",
        "bin/zmd.dll",
        "bin/zmd.exe",
        "include/zmd.h",
        "include/zmd.hpp",
        "lib/zmd.dll.a",
        "lib/zmd.lib",
        "libzmd.cdx.json",
        "zmd.cdx.json",
    ];
    assert_eq!(files(&package), expected);
    let readme = fs::read_to_string(package.join("README.txt")).unwrap();
    assert!(readme.lines().count() > 20 && readme.matches('\n').count() == readme.matches("\r\n").count());

    // Libraries that every Windows has, none of the compiler's; and none that starts programs or knows about proxies.
    let tool = |name: &str| Command::new(platform.cc.replace("gcc", name));
    for file in ["zmd.dll", "zmd.exe"] {
        let headers = text_of(tool("objdump").arg("-p").arg(package.join("bin").join(file)));
        let mut imported: Vec<_> = headers
            .lines()
            .filter_map(|line| line.split_once("DLL Name: "))
            .map(|(_, dll)| dll.to_lowercase())
            .collect();
        imported.retain(|dll| !dll.starts_with("api-ms-win-"));
        for dll in &imported {
            let known = [
                "advapi32.dll",
                "bcrypt.dll",
                "bcryptprimitives.dll",
                "crypt32.dll",
                "kernel32.dll",
                "msvcrt.dll",
                "ntdll.dll",
                "userenv.dll",
                "ws2_32.dll",
            ];
            assert!(known.contains(&&**dll), "{file} needs {dll}");
        }
    }
    let resources = text_of(tool("windres").args(["-O", "rc"]).arg(package.join("bin/zmd.dll")));
    assert!(
        resources.contains("VERSIONINFO") && resources.contains(&format!("\"ProductVersion\", \"{VERSION}\"")),
        "{resources}"
    );

    // Programs find the DLL beside them.
    for file in ["zmd.dll", "zmd.exe"] {
        fs::copy(package.join("bin").join(file), target.directory.join(file)).unwrap();
    }
    platform.complete_windows(&target.directory);
    let (include, search) = (format!("-I{}/include", package.display()), format!("-L{}/lib", package.display()));
    let flags = ["-std=c99", &include, &search, "-lzmd"];
    target.holds(&target.compile(&flags, "tests/c/target_test.c", "target_test.exe"));
    let import = ["-DZMD_API=__declspec(dllimport)", "-std=c99", &include, &search, "-lzmd"];
    target.stack(&target.compile(&import, "tests/c/stack_test.c", "stack_test.exe"));

    let program = target.compile(
        &["-std=c11", "-mwindows", &include, &search, "-lzmd"],
        "tests/c/windows_test.c",
        "windows_test.exe",
    );
    let sim = stand_in(true);
    assert_eq!(text_of(environment(&mut target.program(&program), &sim)).trim(), "ok windows_test");

    // The .lib, by a linker that takes what Microsoft's takes.
    let object = target.directory.join("msvc.obj");
    let machine = if arch == "x86_64" { "x86_64" } else { "i686" };
    let mut clang = Command::new("clang");
    clang
        .arg(format!("--target={machine}-pc-windows-msvc"))
        .args(["-c", "-ffreestanding", "-O1", &include, "-o"])
        .arg(&object);
    text_of(clang.arg(format!("{ROOT}/tests/c/msvc_test.c")));
    let linked = target.directory.join("msvc.exe");
    let mut link = Command::new("lld-link");
    link.args(["/nologo", "/nodefaultlib", "/subsystem:console", "/entry:entry", "/safeseh:no"]);
    link.arg(format!("/out:{}", linked.display())).arg(&object).arg(package.join("lib/zmd.lib"));
    text_of(&mut link);
    assert_eq!(run(&mut target.program(&linked)).0, Some(42));

    target.command(&target.directory.join("zmd.exe"));
    ctrl_c(&target);
}

/// In a terminal, Ctrl-C ends `zmd wait`, with the exit status that Windows gives to such programs; it says that the job
/// goes on. Wine passes on the lowest eight bits of the status.
fn ctrl_c(target: &Target) {
    let sim = stand_in(false);
    let wait = target.program(&target.directory.join("zmd.exe"));
    let words: Vec<_> =
        [wait.get_program()].into_iter().chain(wait.get_args()).map(|word| word.to_str().unwrap()).collect();
    let line = format!("exec {} wait Leads 1002 >out 2>err", words.join(" "));
    let mut script = Command::new("script");
    script.args(["-q", "-e", "-c", &line, "/dev/null"]).current_dir(&target.directory).stdin(Stdio::piped());
    script.stdout(Stdio::null()).env("SHELL", "/bin/sh").env("TERM", "xterm");
    script.envs(wait.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut script = environment(&mut script, &sim).env("ZMD_POLL_MIN_MS", "10").spawn().unwrap();
    sim.wait_for_requests(2);
    let mut terminal = script.stdin.take().unwrap();
    std::io::Write::write_all(&mut terminal, b"\x03").unwrap();
    let status = script.wait().unwrap();
    let [out, err] = ["out", "err"].map(|file| fs::read_to_string(target.directory.join(file)).unwrap());
    assert_eq!(status.code(), Some(0x3a), "{out} {err}");
    assert!(out.starts_with("Leads 1002: RUNNING"), "{out}");
    assert!(err.contains("interrupted: the jobs continue"), "{err}");
}

/// What doc/windows.md recommends goes on after the exit status 0 alone, and not after that of Ctrl-C, which is negative.
#[test]
fn a_batch_file_stops_after_each_other_exit_status() {
    let program = platforms::WINDOWS.runner[0];
    if missing(program) {
        return;
    }
    let page = fs::read_to_string(format!("{ROOT}/doc/windows.md")).unwrap();
    let lines = page.lines().skip_while(|line| !line.starts_with("    zmd wait")).skip(1);
    let rule = lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\r\n");
    let directory = scratch("batch");
    let goes_on = |rule: &str, status: i32| {
        let batch = format!("@echo off\r\ncmd /c exit {status}\r\n{rule}\r\necho goes on\r\n");
        fs::write(directory.join("night.bat"), batch).unwrap();
        let mut shell = Command::new(program);
        wine(&mut shell);
        let (_, out, _) = run(shell.args(["cmd", "/c", "night.bat"]).current_dir(&directory));
        out.contains("goes on")
    };
    for status in [0, 1, 2, 3, 4, -1_073_741_510] {
        assert_eq!(goes_on(&rule, status), status == 0, "{status}");
    }
    // As the page says.
    assert!(goes_on("if errorlevel 1 exit /b %errorlevel%", -1_073_741_510));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn windows_of_64_bits() {
    windows(&platforms::WINDOWS, "x86_64");
}

#[test]
fn windows_of_32_bits() {
    windows(&platforms::WINDOWS_32, "x86");
}

/// No Mac is here: what is linked is looked at, and not run.
fn macos(platform: &Platform, oldest: &str) {
    let name = platform.target;
    if platform.is_absent() || ["/usr/bin/rustc", "ld64.lld-14", "llvm-objdump", "llvm-nm"].into_iter().any(missing) {
        return;
    }
    let built = built_for(name);
    for file in ["libzmd.dylib", "zmd"].map(|file| built.join(file)) {
        let shown = |option: &str| text_of(Command::new("llvm-objdump").args(["--macho", option]).arg(&file));
        let needed = shown("--dylibs-used");
        let needed = needed.lines().skip(1).filter_map(|line| line.split_whitespace().next());
        for library in needed.filter(|library| *library != "@rpath/libzmd.0.dylib") {
            let known = [
                "/System/Library/Frameworks/CoreFoundation.framework/Versions/A/CoreFoundation",
                "/System/Library/Frameworks/Security.framework/Versions/A/Security",
                "/usr/lib/libSystem.B.dylib",
                "/usr/lib/libiconv.2.dylib",
            ];
            assert!(known.contains(&library), "{file:?} needs {library}");
        }
        let headers = shown("--private-headers");
        // Of the command that tells the oldest system there are two kinds.
        let system = headers.lines().map(str::trim).filter_map(|line| {
            line.strip_prefix("minos ").or_else(|| line.strip_prefix("version ").filter(|version| version.len() < 8))
        });
        assert_eq!(system.map(str::trim).next(), Some(oldest), "{headers}");
        // Processors of Apple run nothing that is not signed.
        assert!(!name.starts_with("aarch64") || headers.contains("LC_CODE_SIGNATURE"), "{headers}");
        assert_eq!(paths_of_this_machine(&file), [""; 0]);
    }
    let library = built.join("libzmd.dylib");
    let id = text_of(Command::new("llvm-objdump").args(["--macho", "--dylib-id"]).arg(&library));
    assert_eq!(id.lines().nth(1), Some("@rpath/libzmd.0.dylib"), "{id}");
    let symbols = text_of(
        Command::new("llvm-nm").args(["--extern-only", "--defined-only", "--format=just-symbols"]).arg(&library),
    );
    let mut exported: Vec<_> = symbols.lines().map(|name| name.trim_start_matches('_').to_owned()).collect();
    exported.sort_unstable();
    assert_eq!(exported, functions());
}

#[test]
#[ignore = "make test-dist"]
fn macos_on_apples_processors() {
    macos(&platforms::MACOS_ARM, "11.0");
}

#[test]
#[ignore = "make test-dist"]
fn macos_on_x86_64() {
    macos(&platforms::MACOS, "10.14");
}
