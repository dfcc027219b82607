//! What `make dist` has packed for all targets, as it is in target/dist: `make test-dist`. What the libraries do on each target,
//! targets.rs tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::*;

use super::install::files;

/// A target, as users know it.
struct Shipped {
    target: &'static str,
    /// In the names of archives.
    name: &'static str,
    /// In the names of wheels.
    platform: &'static str,
    /// What runs its programs here; nothing does, if there is no word.
    runner: &'static [&'static str],
}

const QEMU_ARM: &[&str] = &["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"];
const QEMU_POWER: &[&str] = &["qemu-ppc64le", "-L", "/usr/powerpc64le-linux-gnu"];
const QEMU_Z: &[&str] = &["qemu-s390x", "-L", "/usr/s390x-linux-gnu"];
const LOADER_OF_32_BITS: &[&str] =
    &["/usr/i686-linux-gnu/lib/ld-linux.so.2", "--library-path", "/usr/i686-linux-gnu/lib"];
const WINE: &[&str] = &["/usr/lib/wine/wine64"];
const WINE32: &[&str] = &[concat!(env!("CARGO_MANIFEST_DIR"), "/../cross/wine32")];

#[rustfmt::skip]
const ALL: [Shipped; 10] = [
    Shipped { target: "x86_64-unknown-linux-gnu", name: "linux-x86_64", platform: "manylinux2014_x86_64", runner: &["env"] },
    Shipped { target: "x86_64-unknown-linux-musl", name: "linux-x86_64-musl", platform: "musllinux_1_2_x86_64", runner: &["env"] },
    Shipped { target: "aarch64-unknown-linux-gnu", name: "linux-aarch64", platform: "manylinux2014_aarch64", runner: QEMU_ARM },
    Shipped { target: "i686-unknown-linux-gnu", name: "linux-i686", platform: "manylinux2014_i686", runner: LOADER_OF_32_BITS },
    Shipped { target: "powerpc64le-unknown-linux-gnu", name: "linux-ppc64le", platform: "manylinux2014_ppc64le", runner: QEMU_POWER },
    Shipped { target: "s390x-unknown-linux-gnu", name: "linux-s390x", platform: "manylinux2014_s390x", runner: QEMU_Z },
    Shipped { target: "x86_64-pc-windows-gnu", name: "windows-x86_64", platform: "win_amd64", runner: WINE },
    Shipped { target: "i686-pc-windows-gnu", name: "windows-x86", platform: "win32", runner: WINE32 },
    Shipped { target: "aarch64-apple-darwin", name: "macos-arm64", platform: "macosx_11_0_arm64", runner: &[] },
    Shipped { target: "x86_64-apple-darwin", name: "macos-x86_64", platform: "macosx_10_14_x86_64", runner: &[] },
];

/// target/dist and target/native, as scripts/test names them.
fn shipped() -> (PathBuf, PathBuf) {
    let named = |variable| std::env::var_os(variable).map(PathBuf::from).expect("`make test-dist` runs this");
    (named("ZMD_TEST_DIST"), named("ZMD_TEST_NATIVE"))
}

impl Shipped {
    fn is_windows(&self) -> bool {
        self.target.contains("windows")
    }

    /// `libzmd.so` is below `lib` of what is installed, and in what is built.
    fn shared_library(&self) -> &'static str {
        match self.target {
            target if target.contains("windows") => "zmd.dll",
            target if target.contains("apple") => "libzmd.dylib",
            _ => "libzmd.so",
        }
    }

    /// The file of this name is the one that was built for the target.
    fn is_built(&self, file: &Path, name: &str) {
        let built = fs::read(shipped().1.join(self.target).join(name)).unwrap();
        assert!(fs::read(file).unwrap() == built, "{file:?} is not the {name} of {}", self.target);
    }

    /// The command, which has been installed here, queries the stand-in.
    fn zmd_works(&self, zmd: &Path) {
        let Some(runner) = self.runner.first() else { return };
        if missing(runner) {
            return;
        }
        let sim = sim_over(true);
        let mut command = Command::new(runner);
        command.args(&self.runner[1..]).arg(zmd).args(["status", "Leads", "1001"]).stdin(Stdio::null());
        without_variables(&mut command, |name| name.starts_with("ZMD_"));
        if self.is_windows() {
            // Wine 8 lacks a library that every Windows has.
            let directory = zmd.parent().unwrap();
            let compiler = if self.name.ends_with("x86") { "i686-w64-mingw32-gcc" } else { "x86_64-w64-mingw32-gcc" };
            let mut compile = Command::new(compiler);
            compile.args(["-shared", "-o"]).arg(directory.join("bcryptprimitives.dll"));
            compile.arg(format!("{ROOT}/cross/bcryptprimitives.c")).args(["-ladvapi32", "-Wl,--kill-at"]);
            text_of(&mut compile);
            command.env("WINEPREFIX", target().join("tmp/wine")).env("WINEDEBUG", "-all").env("LC_ALL", "C.UTF-8");
            command.current_dir(directory);
        }
        let (exit, out, err) = run(environment(&mut command, &sim));
        let line = "Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed";
        assert_eq!((exit, out.trim()), (Some(0), line), "{}: {err}", self.target);
    }
}

#[test]
fn the_checksums_name_all_files_and_are_right() {
    let (dist, _) = shipped();
    text_of(Command::new("sha256sum").args(["--quiet", "--strict", "-c", "SHA256SUMS"]).current_dir(&dist));
    let sums = fs::read_to_string(dist.join("SHA256SUMS")).unwrap();
    let mut named: Vec<_> = sums.lines().map(|line| line.split_once("  ").unwrap().1.to_owned()).collect();
    named.push("SHA256SUMS".to_owned());
    named.sort();
    assert_eq!(named, files(&dist));

    let version = full_version();
    let mut expected =
        ["LICENSE-APACHE", "LICENSE-MIT", "SHA256SUMS", "THIRD-PARTY-LICENSES"].map(str::to_owned).to_vec();
    expected.extend(["libzmd", "zmd", "zmd-sim"].map(|name| format!("{name}.cdx.json")));
    expected.push(format!("zmd-{version}-source.tar.gz"));
    for Shipped { name, platform, .. } in &ALL {
        let ending = if name.starts_with("windows") { "zip" } else { "tar.gz" };
        expected.push(format!("zmd-{version}-{name}.{ending}"));
        expected.push(format!("zmd-{version}-py3-none-{platform}.whl"));
    }
    for (debian, rpm) in [("amd64", "x86_64"), ("arm64", "aarch64")] {
        expected.extend(["libzmd-dev", "libzmd0", "zmd"].map(|name| format!("{name}_{version}-1_{debian}.deb")));
        expected.extend(["libzmd", "libzmd-devel", "zmd"].map(|name| format!("{name}-{version}-1.{rpm}.rpm")));
    }
    // Packages for the registries of languages are beside them.
    let absent: Vec<_> = expected.iter().filter(|name| !named.contains(name)).collect();
    assert!(absent.is_empty(), "{absent:?}");
}

/// Optimized as a whole, and without symbols.
#[test]
fn the_libraries_are_small() {
    let (_, native) = shipped();
    let size = |path: PathBuf| fs::metadata(&path).unwrap_or_else(|error| panic!("{path:?}: {error}")).len();
    let mut report = BTreeMap::new();
    for shipped in &ALL {
        let directory = native.join(shipped.target);
        let shared = size(directory.join(shipped.shared_library()));
        let archive = if shipped.is_windows() { 0 } else { size(directory.join("libzmd.a")) };
        report.insert(shipped.target, (shared, archive));
    }
    show(&format!("bytes of the shared and of the static library: {report:#?}\n"));
    for (target, (shared, archive)) in report {
        assert!(shared < 4_500_000 && archive < 16_000_000, "{target}: {shared} {archive}");
    }
}

#[test]
fn the_archives_install_themselves() {
    let (dist, _) = shipped();
    for shipped in ALL.iter().filter(|shipped| !shipped.is_windows()) {
        let directory = scratch(&format!("shipped-{}", shipped.name));
        let name = format!("zmd-{}-{}", full_version(), shipped.name);
        let archive = dist.join(format!("{name}.tar.gz"));
        text_of(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(&directory));
        let prefix = directory.join("prefix");
        text_of(
            Command::new(directory.join(&name).join("install.sh"))
                .arg(&prefix)
                .env_clear()
                .env("PATH", "/usr/bin:/bin"),
        );
        for (file, built) in [("bin/zmd", "zmd"), ("lib/libzmd.a", "libzmd.a"), ("include/zmd.h", "zmd.h")] {
            shipped.is_built(&prefix.join(file), built);
        }
        shipped.is_built(&prefix.join("lib").join(shipped.shared_library()), shipped.shared_library());
        shipped.zmd_works(&prefix.join("bin/zmd"));
        fs::remove_dir_all(directory).unwrap();
    }
}

#[test]
fn the_archives_for_windows_are_unpacked() {
    let (dist, _) = shipped();
    for shipped in ALL.iter().filter(|shipped| shipped.is_windows()) {
        let directory = scratch(&format!("shipped-{}", shipped.name));
        let name = format!("zmd-{}-{}", full_version(), shipped.name);
        let archive = dist.join(format!("{name}.zip"));
        text_of(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(archive).arg(&directory));
        for (file, built) in [("bin/zmd.dll", "zmd.dll"), ("bin/zmd.exe", "zmd.exe"), ("lib/zmd.lib", "zmd.lib")] {
            shipped.is_built(&directory.join(&name).join(file), built);
        }
        shipped.zmd_works(&directory.join(&name).join("bin/zmd.exe"));
        fs::remove_dir_all(directory).unwrap();
    }
}

/// pip finds each wheel to be one for its platform, and installs it.
#[test]
fn the_wheels_are_installed_for_their_platforms() {
    let (dist, native) = shipped();
    let home = scratch("shipped-wheels");
    text_of(Command::new("python3").args(["-m", "venv"]).arg(home.join("venv")));
    for shipped in &ALL {
        let to = home.join(shipped.name);
        let mut pip = Command::new(home.join("venv/bin/pip"));
        pip.args(["install", "-q", "--no-index", "--only-binary=:all:", "--platform", shipped.platform, "--target"]);
        text_of(pip.arg(&to).arg("--find-links").arg(&dist).arg(format!("zmd=={}", full_version())));
        let library = to.join("zmd").join(format!("libzmd.{}", shipped.shared_library().rsplit('.').next().unwrap()));
        if shipped.name.ends_with("musl") {
            // It names the C library as distributions do.
            let needed = text_of(Command::new("readelf").args(["-d", "-W"]).arg(&library));
            assert!(needed.contains("[libc.musl-x86_64.so.1]"), "{needed}");
        } else {
            shipped.is_built(&library, shipped.shared_library());
        }
        let programs = to.join("bin");
        let ending = if shipped.is_windows() { ".exe" } else { "" };
        for program in ["zmd", "zmd-sim"].map(|name| format!("{name}{ending}")) {
            shipped.is_built(&programs.join(&program), &program);
        }
        assert!(native.join(shipped.target).exists());
        shipped.zmd_works(&programs.join(format!("zmd{ending}")));
    }
    fs::remove_dir_all(home).unwrap();
}

#[test]
fn the_packages_for_aarch64_are_installed() {
    let (dist, _) = shipped();
    let arm = &ALL[2];
    if ["rpm", "dpkg"].into_iter().any(missing) {
        return;
    }
    let version = full_version();
    let root = scratch("shipped-rpm");
    let mut rpm = Command::new("rpm");
    // Their scripts are programs of the other processor.
    rpm.arg("--root").arg(&root).args(["--nodeps", "--noscripts", "--ignorearch", "-i"]);
    text_of(
        rpm.args(["libzmd", "libzmd-devel", "zmd"].map(|name| dist.join(format!("{name}-{version}-1.aarch64.rpm")))),
    );
    arm.is_built(&root.join("usr/lib64/libzmd.so.0"), "libzmd.so");
    arm.zmd_works(&root.join("usr/bin/zmd"));
    fs::remove_dir_all(root).unwrap();

    let root = scratch("shipped-deb");
    let admin = root.join("var/lib/dpkg");
    for directory in ["info", "updates"] {
        fs::create_dir_all(admin.join(directory)).unwrap();
    }
    for file in ["status", "available"] {
        fs::write(admin.join(file), "").unwrap();
    }
    let mut dpkg = Command::new("dpkg");
    dpkg.args(["--force-not-root", "--force-architecture", "--force-depends", "--force-script-chrootless"]);
    dpkg.arg(format!("--root={}", root.display())).arg("-i");
    text_of(dpkg.args(["libzmd0", "libzmd-dev", "zmd"].map(|name| dist.join(format!("{name}_{version}-1_arm64.deb")))));
    arm.is_built(&root.join("usr/lib/aarch64-linux-gnu/libzmd.so.0"), "libzmd.so");
    arm.zmd_works(&root.join("usr/bin/zmd"));
    fs::remove_dir_all(root).unwrap();
}

/// In a network that reaches nothing, with none of this machine's crates.
#[test]
fn the_source_archive_builds_without_a_network() {
    let (dist, _) = shipped();
    if missing("unshare") {
        return;
    }
    let directory = scratch("shipped-source");
    let name = format!("zmd-{}-source", full_version());
    text_of(Command::new("tar").arg("-xzf").arg(dist.join(format!("{name}.tar.gz"))).arg("-C").arg(&directory));
    let source = directory.join(&name);
    let mut build = from_a_shell("unshare");
    build.args(["--map-root-user", "--net", env!("CARGO"), "build", "--locked", "-q", "-p", "zmd", "-p", "zmd-cli"]);
    build
        .current_dir(&source)
        .env("CARGO_HOME", directory.join("cargo"))
        .env("CARGO_TARGET_DIR", directory.join("target"));
    text_of(&mut build);
    ALL[0].zmd_works(&directory.join("target/debug/zmd"));
    assert!(directory.join("target/debug/libzmd.so").exists());
    // What is in it says the same of the version.
    assert!(text_of(&mut Command::new(source.join("scripts/version"))).starts_with(&full_version()));
    fs::remove_dir_all(directory).unwrap();
}

/// ConanCenter's and vcpkg's recipes fetch the archive of the source that lies beside them.
#[test]
fn recipes_have_the_checksum_of_the_source_archive() {
    let (dist, _) = shipped();
    let version = full_version();
    let source = format!("zmd-{version}-source.tar.gz");
    for (kind, file, program) in
        [("conan", "recipes/zmd/all/conandata.yml", "sha256sum"), ("vcpkg", "ports/zmd/portfile.cmake", "sha512sum")]
    {
        let name = format!("zmd-{kind}-{version}");
        let mut tar = Command::new("tar");
        let recipe = text_of(tar.arg("-xzOf").arg(dist.join(format!("{name}.tar.gz"))).arg(format!("{name}/{file}")));
        let sum = text_of(Command::new(program).arg(dist.join(&source)));
        assert!(recipe.contains(sum.split(' ').next().unwrap()), "{recipe}");
        assert!(recipe.contains(&format!("/v{version}/{source}\"")), "{recipe}");
    }
}
