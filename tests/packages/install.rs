//! The library as packagers and their users get it: installed, packaged, documented, and the same as before.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use common::*;
use zmd_sim::{Job, Sim};

use crate::pypi::from_pypi;

pub fn make(arguments: &[&str]) -> Command {
    let mut command = from_a_shell("make");
    command.arg("-C").arg(ROOT).args(arguments).env("CARGO", env!("CARGO")).env("CARGO_TARGET_DIR", target());
    // Another make's, if that has started the tests.
    command.env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
    command
}

/// Every file and link below a directory, in order.
pub fn files(directory: &Path) -> Vec<String> {
    let listing = text_of(Command::new("find").arg(".").args(["!", "-type", "d"]).current_dir(directory));
    let mut files: Vec<_> = listing.lines().map(|line| line[2..].to_owned()).collect();
    files.sort();
    files
}

/// What the README's program prints.
fn output() -> String {
    readme_block("## C\n", "text")
}

/// A block of the page about C++.
fn cpp_block(language: &str) -> String {
    doc_block("bindings/cpp/README.md", "# C++\n", language)
}

/// A tree below which the library is installed with the prefix /usr, and programs that are made with it elsewhere.
pub struct Installed {
    pub root: PathBuf,
    libdir: &'static str,
    /// Whether zmd.pc has the prefix /usr; else it says where it is itself.
    is_below_root: bool,
    pub work: PathBuf,
    sim: Sim,
}

impl Installed {
    pub fn new(name: &str, libdir: &'static str) -> Installed {
        let sim = sim();
        sim.add_job("Leads", "111111000000222222", Job::new(9, f64::INFINITY));
        let root = scratch(name);
        Installed { work: scratch(&format!("{name}-work")), root, libdir, is_below_root: true, sim }
    }

    /// One that can be moved.
    pub fn relocatable(name: &str, libdir: &'static str) -> Installed {
        let mut installed = Installed::new(name, libdir);
        installed.is_below_root = false;
        installed
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.work.join(name), text).unwrap();
    }

    /// A command in the directory of the programs, which finds the installed tree.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = from_a_shell(program);
        let libraries = self.root.join(self.libdir);
        command.current_dir(&self.work).env("PKG_CONFIG_PATH", libraries.join("pkgconfig"));
        command.env("LD_LIBRARY_PATH", libraries);
        if self.is_below_root {
            command.env("PKG_CONFIG_SYSROOT_DIR", &self.root);
        }
        without_variables(&mut command, |name| name.starts_with("ZMD_"));
        environment(&mut command, &self.sim);
        command
    }

    fn shell(&self, line: &str) -> String {
        text_of(self.command("sh").args(["-ec", line]))
    }

    /// The README's recipes, and a program that is linked statically.
    pub fn programs_work(&self) {
        let completed = output();
        let line = readme_block("## C\n", "sh");
        self.write("example.c", &readme_block("## C\n", "c"));
        self.shell(&line);
        assert_eq!(self.shell("./example"), completed);
        self.shell("cc example.c -static $(pkg-config --cflags --static --libs zmd) -o static");
        assert_eq!(text_of(self.command("./static").env_remove("LD_LIBRARY_PATH")), completed);

        self.write("example.cpp", &cpp_block("cpp"));
        self.shell(&cpp_block("sh"));
        assert_eq!(self.shell("./example"), cpp_block("text"));

        if !missing("cmake") {
            self.cmake_finds_it();
        }

        let program = self.root.join("usr/bin/zmd");
        let answer = text_of(self.command(&program).env_remove("LD_LIBRARY_PATH").args(["status", "Leads", "1001"]));
        assert_eq!(answer, "Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed\n");
        let dynamic = text_of(Command::new("readelf").arg("-d").arg(&program));
        assert!(!dynamic.contains("libzmd") && !dynamic.contains("PATH"), "{dynamic}");
    }

    /// The README's recipe, with either library, and the versions that fit.
    fn cmake_finds_it(&self) {
        let configure = |build: &str| {
            let mut cmake = self.command("cmake");
            cmake
                .args(["-S", ".", "-B", build])
                .arg(format!("-DCMAKE_PREFIX_PATH={}", self.root.join("usr").display()));
            cmake
        };
        self.write("example.c", &readme_block("## C\n", "c"));
        let project = doc_block("doc/cmake.md", "## An installed zmd\n", "cmake");
        self.write("CMakeLists.txt", &format!("{project}{}", with_static("example.c")));
        text_of(&mut configure("build"));
        self.shell("cmake --build build");
        for program in ["build/example", "build/static"] {
            assert_eq!(self.shell(program), output());
        }
        let dynamic = self.shell("readelf -d build/static");
        assert!(!dynamic.contains("libzmd"), "{dynamic}");

        // The oldest that the page promises.
        let python = ["--python-version=37", "--abi=cp37m", "--platform=manylinux1_x86_64", "--only-binary=:all:"];
        if let Some(cmake) = from_pypi("cmake==3.10.3", &python) {
            let cmake = made_executable(&cmake.join("cmake/data/bin/cmake"));
            fs::create_dir(self.work.join("oldest")).unwrap();
            self.shell(&format!(
                "cd oldest && {cmake} -DCMAKE_PREFIX_PATH={}/usr .. && {cmake} --build .",
                self.root.display()
            ));
            assert_eq!(self.shell("oldest/example"), output());
        }

        let (major, minor) = (version("MAJOR"), version("MINOR").parse::<u32>().unwrap());
        let same = format!("{major}.{minor}");
        let next = format!("{major}.{}", minor + 1);
        // While the first number is 0, another second one is another interface.
        let last = minor.checked_sub(1).map(|last| (format!("{major}.{last}.9"), major != "0"));
        let requests = [
            (full_version(), true),
            (format!("{} EXACT", full_version()), true),
            (same.clone(), true),
            (format!("{same}.99"), false),
            (next.clone(), false),
            ("9.0".to_owned(), false),
            (format!("{major}.0...<{next}"), true),
            (format!("{major}.0...<{same}"), false),
        ];
        for (index, (wanted, fits)) in requests.into_iter().chain(last).enumerate() {
            let header = "cmake_minimum_required(VERSION 3.19)\nproject(x C)\n";
            self.write("CMakeLists.txt", &format!("{header}find_package(zmd {wanted} REQUIRED CONFIG)\n"));
            let (exit, _, err) = run(&mut configure(&format!("build-{index}")));
            assert_eq!(exit == Some(0), fits, "find_package(zmd {wanted}): {err}");
        }
    }
}

/// A program of a wheel, which pip has copied without its mode.
fn made_executable(program: &Path) -> String {
    fs::set_permissions(program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    program.display().to_string()
}

/// A second program of a README's CMakeLists.txt, which links the static library.
fn with_static(source: &str) -> String {
    format!("add_executable(static {source})\ntarget_link_libraries(static PRIVATE zmd::zmd-static)\n")
}

impl Drop for Installed {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
        let _ = fs::remove_dir_all(&self.work);
    }
}

#[test]
fn an_installed_tree_is_whole_and_is_used_from_elsewhere() {
    if missing("pkg-config") {
        return;
    }
    release();
    let installed = Installed::new("install", "usr/lib64");
    let destination = format!("DESTDIR={}", installed.root.display());
    text_of(&mut make(&["install", &destination, "prefix=/usr", "libdir=/usr/lib64"]));
    let version = full_version();
    // `man zmd_client_wait` finds the page of the library.
    let is_of_function = |file: &String| file.starts_with("usr/share/man/man3/zmd_");
    let (of_functions, others): (Vec<_>, Vec<_>) = files(&installed.root).into_iter().partition(is_of_function);
    assert!(of_functions.contains(&"usr/share/man/man3/zmd_client_wait.3".to_owned()), "{of_functions:?}");
    for page in of_functions {
        assert_eq!(fs::read_to_string(installed.root.join(page)).unwrap(), ".so man3/zmd.3\n");
    }
    assert_eq!(
        others,
        [
            "usr/bin/zmd",
            "usr/include/zmd.h",
            "usr/include/zmd.hpp",
            "usr/lib64/libzmd.a",
            "usr/lib64/libzmd.so",
            "usr/lib64/libzmd.so.0",
            &format!("usr/lib64/libzmd.so.{version}"),
            "usr/lib64/pkgconfig/zmd.pc",
            "usr/share/bash-completion/completions/zmd",
            "usr/share/cmake/zmd/zmdConfig.cmake",
            "usr/share/cmake/zmd/zmdConfigVersion.cmake",
            "usr/share/cmake/zmd/zmdPrefix.cmake",
            "usr/share/cmake/zmd/zmdTargets.cmake",
            "usr/share/doc/zmd/LICENSE-APACHE",
            "usr/share/doc/zmd/LICENSE-MIT",
            "usr/share/doc/zmd/THIRD-PARTY-LICENSES",
            "usr/share/doc/zmd/libzmd.cdx.json",
            "usr/share/doc/zmd/zmd.cdx.json",
            "usr/share/fish/vendor_completions.d/zmd.fish",
            "usr/share/man/man1/zmd-completions.1",
            "usr/share/man/man1/zmd-doctor.1",
            "usr/share/man/man1/zmd-login.1",
            "usr/share/man/man1/zmd-logout.1",
            "usr/share/man/man1/zmd-profiles.1",
            "usr/share/man/man1/zmd-status.1",
            "usr/share/man/man1/zmd-wait.1",
            "usr/share/man/man1/zmd.1",
            "usr/share/man/man3/zmd.3",
            "usr/share/man/man5/zmd-settings.5",
            "usr/share/zsh/site-functions/_zmd",
        ]
    );
    let libraries = installed.root.join("usr/lib64");
    for link in ["libzmd.so", "libzmd.so.0"] {
        assert_eq!(fs::read_link(libraries.join(link)).unwrap(), Path::new(&format!("libzmd.so.{version}")));
    }
    let dynamic = text_of(Command::new("readelf").arg("-d").arg(libraries.join("libzmd.so")));
    assert!(dynamic.contains("Library soname: [libzmd.so.0]"), "{dynamic}");
    assert_eq!(installed.shell("pkg-config --modversion zmd").trim(), version);
    installed.programs_work();
    text_of(&mut make(&["uninstall", &destination, "prefix=/usr", "libdir=/usr/lib64"]));
    assert_eq!(files(&installed.root), [""; 0]);
}

/// cargo builds what the other tests link, which costs little here.
#[test]
fn cmake_builds_it_from_source() {
    if missing("cmake") {
        return;
    }
    release();
    let installed = Installed::new("cmake", "usr/lib");
    std::os::unix::fs::symlink(ROOT, installed.work.join("zmd")).unwrap();
    installed.write("example.cpp", &cpp_block("cpp"));
    let cmake = |line: &str| {
        let mut command = installed.command("sh");
        command.env("CARGO_TARGET_DIR", target()).env_remove("LD_LIBRARY_PATH").args(["-ec", line]);
        text_of(&mut command)
    };
    let cargo = format!("-DZMD_CARGO={}", env!("CARGO"));

    let fetched = doc_block("doc/cmake.md", "## From the source\n", "cmake");
    let added: String = fetched
        .lines()
        .filter(|line| !line.contains("FetchContent_MakeAvailable") && !line.starts_with("include("))
        .map(
            |line| {
                if line.contains("FetchContent") { "add_subdirectory(zmd)\n".to_owned() } else { format!("{line}\n") }
            },
        )
        .collect();
    assert!(added.contains("add_subdirectory(zmd)\nadd_executable(example"), "{added}");
    for (name, project) in [("fetched", fetched), ("added", added)] {
        installed.write("CMakeLists.txt", &format!("{project}{}", with_static("example.cpp")));
        cmake(&format!("cmake -S . -B {name} {cargo} && cmake --build {name}"));
        assert_eq!(cmake(&format!("{name}/example && {name}/static")), cpp_block("text").repeat(2));
        let needed = |program: &str| cmake(&format!("readelf -d {name}/{program}")).contains("[libzmd.so.0]");
        assert!(needed("example") && !needed("static"));
        // As a part of another project it installs nothing.
        let prefix = installed.work.join(name).join("prefix");
        fs::create_dir(&prefix).unwrap();
        cmake(&format!("cmake --install {name} --prefix {name}/prefix"));
        assert_eq!(files(&prefix), [""; 0]);
    }

    // The oldest that the page promises.
    if let Some(oldest) = from_pypi("cmake==3.14.3.post1", &[]) {
        let oldest = made_executable(&oldest.join("cmake/data/bin/cmake"));
        cmake(&format!("{oldest} -S . -B by-oldest {cargo} && {oldest} --build by-oldest"));
        assert_eq!(cmake("by-oldest/example"), cpp_block("text"));
    }

    let prefix = installed.root.join("usr");
    cmake(&format!("cmake -S zmd -B whole {cargo} -DCMAKE_INSTALL_LIBDIR=lib && cmake --build whole"));
    cmake(&format!("cmake --install whole --prefix {}", prefix.display()));
    assert_eq!(
        files(&prefix),
        [
            "include/zmd.h",
            "include/zmd.hpp",
            "lib/libzmd.a",
            "lib/libzmd.so",
            "lib/libzmd.so.0",
            &format!("lib/libzmd.so.{}", full_version()),
            "share/cmake/zmd/zmdConfig.cmake",
            "share/cmake/zmd/zmdConfigVersion.cmake",
            "share/cmake/zmd/zmdPrefix.cmake",
            "share/cmake/zmd/zmdTargets.cmake",
            "share/doc/zmd/LICENSE-APACHE",
            "share/doc/zmd/LICENSE-MIT",
            "share/doc/zmd/THIRD-PARTY-LICENSES",
            "share/doc/zmd/libzmd.cdx.json",
        ]
    );
    installed.cmake_finds_it();
}

/// The port's files, and what they do where vcpkg's own functions do what they are documented to.
#[test]
fn the_vcpkg_port_installs_it() {
    let port = format!("{ROOT}/bindings/vcpkg/zmd");
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(format!("{port}/vcpkg.json")).unwrap()).unwrap();
    assert_eq!((&manifest["name"], &manifest["version"]), (&"zmd".into(), &full_version().into()));
    if missing("cmake") {
        return;
    }
    release();
    for linkage in ["static", "dynamic"] {
        a_port_installs_it(Path::new(&port), linkage, |run_port| run_port.env("CARGO_TARGET_DIR", target()));
    }
}

/// A port for vcpkg installs a kind of library, which programs link.
pub fn a_port_installs_it(port: &Path, linkage: &str, prepare: impl FnOnce(&mut Command) -> &mut Command) {
    let installed = Installed::new(&format!("vcpkg-{linkage}"), "usr/lib");
    let prefix = installed.root.join("usr");
    let mut run_port = installed.command("cmake");
    run_port.arg(format!("-DPORT_DIR={}", port.display())).arg(format!("-DVCPKG_LIBRARY_LINKAGE={linkage}"));
    run_port.arg(format!("-DCURRENT_BUILDTREES_DIR={}", installed.work.join("port").display()));
    run_port.arg(format!("-DCURRENT_PACKAGES_DIR={}", prefix.display()));
    text_of(prepare(&mut run_port).args(["-P", &format!("{ROOT}/tests/vcpkg/run_port.cmake")]));

    let full = format!("lib/libzmd.so.{}", full_version());
    let libraries = match linkage {
        "static" => &["lib/libzmd.a"][..],
        _ => &["lib/libzmd.so", "lib/libzmd.so.0", &full],
    };
    let headers = ["include/zmd.h", "include/zmd.hpp"];
    let shared_files =
        ["copyright", "usage", "zmdConfig.cmake", "zmdConfigVersion.cmake", "zmdPrefix.cmake", "zmdTargets.cmake"]
            .map(|name| format!("share/zmd/{name}"));
    let expected: Vec<_> =
        headers.iter().chain(libraries).copied().chain(shared_files.iter().map(String::as_str)).collect();
    assert_eq!(files(&prefix), expected);

    installed.write("example.c", &readme_block("## C\n", "c"));
    installed.write("CMakeLists.txt", &doc_block("doc/cmake.md", "## An installed zmd\n", "cmake"));
    installed.shell(&format!("cmake -S . -B build -DCMAKE_PREFIX_PATH={} && cmake --build build", prefix.display()));
    assert_eq!(installed.shell("build/example"), output());
}

/// The program `conan`: the one on the PATH, or one from PyPI in a directory of its own.
pub fn conan() -> Option<PathBuf> {
    let on_path = run(Command::new("sh").args(["-c", "command -v conan"])).1;
    if !on_path.is_empty() {
        return Some(on_path.trim().into());
    }
    if missing("python3") {
        return None;
    }
    let tools = target().join("conan-tools");
    text_of(Command::new("python3").args(["-m", "venv"]).arg(&tools));
    let (exit, out, err) = run(Command::new(tools.join("bin/pip")).args(["install", "-q", "conan==2.34.0"]));
    if err.contains("No matching distribution") && missing("a package index that has conan") {
        return None;
    }
    assert_eq!(exit, Some(0), "{out}{err}");
    Some(tools.join("bin/conan"))
}

#[test]
fn conan_makes_packages_that_programs_link() {
    if missing("cmake") {
        return;
    }
    let Some(conan) = conan() else { return };
    release();
    let (home, test) = (scratch("conan"), scratch("conan-test"));
    // It is built in its own directory, which is to stay as it is.
    text_of(Command::new("cp").arg("-r").arg(format!("{ROOT}/bindings/conan/test_package/.")).arg(&test));
    let test = test.to_str().unwrap();
    let conan = |arguments: &[&str]| {
        let mut command = from_a_shell(&conan);
        command.args(arguments).env("CONAN_HOME", &home).current_dir(ROOT);
        // The recipe's copy of the source is another package for cargo. Its dependencies are built already, and are found where
        // cargo knows the second variable (since 1.91).
        command.env("CARGO_TARGET_DIR", target().join("conan")).env("CARGO_BUILD_BUILD_DIR", target());
        text_of(&mut command)
    };
    conan(&["profile", "detect"]);
    for (shared, libraries) in
        [("False", &["libzmd.a"][..]), ("True", &["libzmd.so", "libzmd.so.0", "libzmd.so.VERSION"])]
    {
        let option = format!("zmd/*:shared={shared}");
        let created = conan(&["create", "bindings/conan", "--test-folder", test, "-o", &option, "--format=json"]);
        let graph: serde_json::Value = serde_json::from_str(&created).unwrap();
        let nodes = graph["graph"]["nodes"].as_object().unwrap();
        let package = nodes.values().find(|node| node["name"] == "zmd").unwrap();
        assert_eq!(package["version"], full_version());
        let folder = Path::new(package["package_folder"].as_str().unwrap());
        let mut expected =
            ["conaninfo.txt", "conanmanifest.txt", "include/zmd.h", "include/zmd.hpp"].map(str::to_owned).to_vec();
        expected.extend(libraries.iter().map(|name| format!("lib/{}", name.replace("VERSION", &full_version()))));
        expected
            .extend(["LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY-LICENSES"].map(|name| format!("licenses/{name}")));
        assert_eq!(files(folder), expected);
    }
    fs::remove_dir_all(home).unwrap();
    fs::remove_dir_all(test).unwrap();
}

#[test]
fn make_says_what_is_missing() {
    let (exit, _, err) = run(make(&["all"]).env("CARGO", "no-cargo-here"));
    assert!(exit != Some(0) && err.contains("no-cargo-here is not on the PATH"), "{err}");
}

#[test]
fn test_programs_use_the_library_that_was_built() {
    let program = compile_with(release_directory(), "cc", &["-std=c11"], "bindings/c/example.c", "example-elsewhere");
    let directory = scratch("elsewhere");
    fs::write(directory.join("libzmd.so.0"), "no library").unwrap();
    let (_, _, err) = run(Command::new(program).env("LD_LIBRARY_PATH", &directory));
    assert!(err.starts_with("usage: "), "{err}");
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn debian_packages_come_and_go() {
    let multiarch = "usr/lib/x86_64-linux-gnu";
    if cfg!(not(target_arch = "x86_64")) {
        skipped("x86-64", "debian_packages_come_and_go");
        return;
    }
    if ["dh", "lintian", "pkg-config"].into_iter().any(missing) {
        return;
    }
    release();
    text_of(&mut make(&["deb"]));
    let mut packages: Vec<_> = fs::read_dir(target().join("deb")).unwrap().map(|entry| entry.unwrap().path()).collect();
    packages.sort();
    let names: Vec<_> = packages.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    let version = full_version();
    assert_eq!(names, ["libzmd-dev", "libzmd0", "zmd"].map(|name| format!("{name}_{version}-1_amd64.deb")));
    debian_packages_work(&packages, multiarch);
}

/// The packages libzmd-dev, libzmd0 and zmd, in this order, are installed, do their work, and are removed without a trace.
pub fn debian_packages_work(packages: &[PathBuf], multiarch: &'static str) {
    text_of(Command::new("lintian").args(["--fail-on", "error"]).args(packages));

    // A root of their own, which has the packages of this system as far as dpkg knows: so what they depend on is
    // looked at, and nothing here is changed.
    let made_in = packages[0].parent().unwrap().file_name().unwrap();
    let installed = Installed::new(&format!("deb-{}", made_in.display()), multiarch);
    let admin = installed.root.join("var/lib/dpkg");
    for directory in ["info", "updates"] {
        fs::create_dir_all(admin.join(directory)).unwrap();
    }
    fs::copy("/var/lib/dpkg/status", admin.join("status")).unwrap();
    fs::write(admin.join("available"), "").unwrap();
    let dpkg = || {
        let mut command = Command::new("dpkg");
        command.arg("--force-not-root").arg(format!("--root={}", installed.root.display()));
        command
    };
    text_of(dpkg().arg("-i").args(packages));
    installed.programs_work();
    for package in ["libzmd-dev", "libzmd0", "zmd"] {
        let packed = installed.root.join(format!("usr/share/doc/{package}/THIRD-PARTY-LICENSES.gz"));
        let licenses = text_of(Command::new("gzip").arg("-dc").arg(packed));
        assert_eq!(licenses, fs::read_to_string(format!("{ROOT}/THIRD-PARTY-LICENSES")).unwrap());
        let sbom = if package == "zmd" { "zmd.cdx.json" } else { "libzmd.cdx.json" };
        let packed = installed.root.join(format!("usr/share/doc/{package}/{sbom}.gz"));
        let packed = text_of(Command::new("gzip").arg("-dc").arg(packed));
        assert_eq!(packed, fs::read_to_string(format!("{ROOT}/sbom/{sbom}")).unwrap());
    }
    for page in ["man3/zmd.3.gz", "man5/zmd-settings.5.gz"] {
        text_of(Command::new("man").arg("-l").arg(installed.root.join("usr/share/man").join(page)));
    }
    text_of(dpkg().args(["--purge", "zmd", "libzmd-dev", "libzmd0"]));
    let left = files(&installed.root);
    assert!(left.iter().all(|file| file.starts_with("var/lib/dpkg/")), "{left:?}");
}

/// What `make manylinux` builds, for RHEL 7 and later; nothing where a tool is missing.
pub fn manylinux() -> Option<PathBuf> {
    static BUILT: OnceLock<bool> = OnceLock::new();
    if missing("python3") {
        return None;
    }
    // What ships is optimized as a whole, which takes minutes and changes nothing of what is tested here.
    let quickly = [("LTO", "off"), ("CODEGEN_UNITS", "16"), ("OPT_LEVEL", "1")];
    let quickly = quickly.map(|(key, value)| (format!("CARGO_PROFILE_RELEASE_{key}"), value));
    let is_built = *BUILT.get_or_init(|| {
        let (exit, out, err) = run(make(&["manylinux"]).envs(quickly));
        let has_no_zig = err.contains("No matching distribution");
        assert!(exit == Some(0) || has_no_zig, "{out}{err}");
        !has_no_zig
    });
    (is_built || !missing("a package index that has zig")).then(|| target().join("manylinux"))
}

#[test]
fn a_library_and_a_wheel_for_old_systems() {
    let Some(directory) = manylinux() else { return };

    let built = directory.join("x86_64-unknown-linux-gnu");
    let library = built.join("libzmd.so");
    for file in ["libzmd.so", "zmd", "zmd-sim"].map(|name| built.join(name)) {
        let symbols = text_of(Command::new("objdump").arg("-T").arg(&file));
        let mut needed: Vec<(u32, u32)> = symbols
            .split("GLIBC_")
            .skip(1)
            .map(|rest| {
                let mut numbers = rest.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().unwrap_or(0));
                (numbers.next().unwrap(), numbers.next().unwrap_or(0))
            })
            .collect();
        needed.sort_unstable();
        assert!(needed.last().is_some_and(|newest| *newest <= (2, 17)), "{file:?}: {needed:?}");
        assert_eq!(paths_of_this_machine(&file), [""; 0], "{file:?}");
    }
    assert!(text_of(Command::new(built.join("zmd")).arg("--version")).starts_with("zmd "));
    let dynamic = text_of(Command::new("readelf").arg("-d").arg(&library));
    assert!(dynamic.contains("[libzmd.so.0]") && !dynamic.contains("libgcc_s"), "{dynamic}");
    assert_eq!(exported(&library), exported(&release().join("libzmd.so")));

    let wheel = format!("zmd-{}-py3-none-manylinux2014_x86_64.whl", full_version());

    // It does its work, in a Python that has nothing else.
    let sim = sim();
    sim.add_job("Leads", "111111000000222222", Job::new(9, f64::INFINITY));
    let home = scratch("manylinux");
    text_of(Command::new("python3").args(["-m", "venv"]).arg(&home));
    text_of(Command::new(home.join("bin/pip")).args(["install", "-q", "--no-index"]).arg(directory.join(&wheel)));
    let mut python = Command::new(home.join("bin/python"));
    python
        .arg("-c")
        .arg(doc_block("bindings/python/README.md", "# zmd\n", "python"))
        .env_remove("PYTHONPATH")
        .current_dir(&home);
    environment(&mut python, &sim);
    assert_eq!(text_of(&mut python), "9 of 9 deleted\n");
    assert!(fs::read(home.join("bin/zmd")).unwrap() == fs::read(built.join("zmd")).unwrap());
    fs::remove_dir_all(home).unwrap();
}

#[test]
fn the_reference_is_generated_without_a_warning() {
    if missing("doxygen") {
        return;
    }
    let (exit, out, err) = run(&mut make(&["doxygen"]));
    assert_eq!((exit, &*err), (Some(0), ""), "{out}");
    let page = fs::read_to_string(target().join("doxygen/html/zmd_8h.html")).unwrap();
    assert!(page.contains("zmd_client_wait_many"));
    let main_page = fs::read_to_string(target().join("doxygen/html/index.html")).unwrap();
    assert!(
        main_page.contains("How far is a Zoho CRM mass-delete job?") && main_page.contains("last error"),
        "{main_page}"
    );
}
