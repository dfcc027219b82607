//! What `make dist` has packed for all targets, as it is in target/dist: `make test-dist`. What the libraries do on each target,
//! targets.rs tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::*;

use super::install::{a_port_installs_it, conan, files};
use super::targets::{Platform, platforms};

/// A platform, as the files for users name it.
pub struct Shipped {
    platform: &'static Platform,
    /// In the names of archives.
    name: &'static str,
    /// In the names of wheels.
    wheel: &'static str,
    /// In the names of npm's packages, where Node.js has it.
    npm: &'static str,
}

#[rustfmt::skip]
pub static ALL: [Shipped; 10] = [
    Shipped { platform: &platforms::LINUX, name: "linux-x86_64", wheel: "manylinux2014_x86_64", npm: "linux-x64" },
    Shipped { platform: &platforms::LINUX_MUSL, name: "linux-x86_64-musl", wheel: "musllinux_1_2_x86_64", npm: "linux-x64-musl" },
    Shipped { platform: &platforms::LINUX_ARM, name: "linux-aarch64", wheel: "manylinux2014_aarch64", npm: "linux-arm64" },
    Shipped { platform: &platforms::LINUX_32, name: "linux-i686", wheel: "manylinux2014_i686", npm: "" },
    Shipped { platform: &platforms::LINUX_POWER, name: "linux-ppc64le", wheel: "manylinux2014_ppc64le", npm: "linux-ppc64" },
    Shipped { platform: &platforms::LINUX_Z, name: "linux-s390x", wheel: "manylinux2014_s390x", npm: "" },
    Shipped { platform: &platforms::WINDOWS, name: "windows-x86_64", wheel: "win_amd64", npm: "win32-x64" },
    Shipped { platform: &platforms::WINDOWS_32, name: "windows-x86", wheel: "win32", npm: "win32-ia32" },
    Shipped { platform: &platforms::MACOS_ARM, name: "macos-arm64", wheel: "macosx_11_0_arm64", npm: "darwin-arm64" },
    Shipped { platform: &platforms::MACOS, name: "macos-x86_64", wheel: "macosx_10_14_x86_64", npm: "darwin-x64" },
];

/// target/dist and target/native.
fn dist_and_native() -> (PathBuf, PathBuf) {
    shipped().expect("`make test-dist` runs this")
}

/// Those that have been built.
fn all() -> impl Iterator<Item = &'static Shipped> {
    ALL.iter().filter(|shipped| !shipped.platform.is_absent())
}

/// What is made for these platforms without a registry of a language, but for PyPI's.
pub fn expected(platforms: impl IntoIterator<Item = &'static Shipped>) -> Vec<String> {
    let version = full_version();
    let mut expected =
        ["LICENSE-APACHE", "LICENSE-MIT", "SHA256SUMS", "THIRD-PARTY-LICENSES"].map(str::to_owned).to_vec();
    expected.extend(["libzmd", "zmd", "zmd-sim"].map(|name| format!("{name}.cdx.json")));
    for Shipped { platform, name, wheel, .. } in platforms {
        let ending = if platform.is_windows() { "zip" } else { "tar.gz" };
        expected.push(format!("zmd-{version}-{name}.{ending}"));
        expected.push(format!("zmd-{version}-py3-none-{wheel}.whl"));
        let (debian, rpm) = match *name {
            "linux-x86_64" => ("amd64", "x86_64"),
            "linux-aarch64" => ("arm64", "aarch64"),
            _ => continue,
        };
        expected.extend(["libzmd-dev", "libzmd0", "zmd"].map(|name| format!("{name}_{version}-1_{debian}.deb")));
        expected.extend(["libzmd", "libzmd-devel", "zmd"].map(|name| format!("{name}-{version}-1.{rpm}.rpm")));
    }
    expected.sort();
    expected
}

impl Shipped {
    /// `libzmd.so` is below `lib` of what is installed, and in what is built.
    fn shared_library(&self) -> &'static str {
        match self.platform.target {
            target if target.contains("windows") => "zmd.dll",
            target if target.contains("apple") => "libzmd.dylib",
            _ => "libzmd.so",
        }
    }

    /// The file of this name is the one that was built for the target.
    fn is_built(&self, file: &Path, name: &str) {
        let built = fs::read(dist_and_native().1.join(self.platform.target).join(name)).unwrap();
        assert!(fs::read(file).unwrap() == built, "{file:?} is not the {name} of {}", self.name);
    }

    /// The command, which has been installed here, queries the stand-in.
    fn zmd_works(&self, zmd: &Path) {
        if self.platform.cannot_run() {
            return;
        }
        let sim = sim_over(true);
        let mut command = self.platform.program(zmd);
        command.args(["status", "Leads", "1001"]).stdin(Stdio::null());
        without_variables(&mut command, |name| name.starts_with("ZMD_"));
        if self.platform.is_windows() {
            let directory = zmd.parent().unwrap();
            self.platform.complete_windows(directory);
            command.current_dir(directory);
        }
        let (exit, out, err) = run(environment(&mut command, &sim));
        let line = "Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed";
        assert_eq!((exit, out.trim()), (Some(0), line), "{}: {err}", self.name);
    }
}

#[test]
fn the_checksums_name_all_files_and_are_right() {
    let (dist, _) = dist_and_native();
    text_of(Command::new("sha256sum").args(["--quiet", "--strict", "-c", "SHA256SUMS"]).current_dir(&dist));
    let sums = fs::read_to_string(dist.join("SHA256SUMS")).unwrap();
    let mut named: Vec<_> = sums.lines().map(|line| line.split_once("  ").unwrap().1.to_owned()).collect();
    named.push("SHA256SUMS".to_owned());
    named.sort();
    assert_eq!(named, files(&dist));

    let version = full_version();
    let mut expected = expected(all());
    for name in ["-source.tar.gz", ".jar", "-javadoc.jar", "-sources.jar", ".pom", ".tgz"] {
        expected.push(format!("zmd-{version}{name}"));
    }
    for (name, ending) in [("conan", "tar.gz"), ("go", "zip"), ("php", "tar.gz"), ("vcpkg", "tar.gz")] {
        expected.push(format!("zmd-{name}-{version}.{ending}"));
    }
    for name in ["Zmd-VERSION.tar.gz", "Zmd.VERSION.nupkg", "zmd_VERSION.tar.gz"] {
        expected.push(name.replace("VERSION", &version));
    }
    for Shipped { npm, .. } in all().filter(|shipped| !shipped.npm.is_empty()) {
        expected.push(format!("zmd-{npm}-{version}.tgz"));
    }
    expected.sort();
    assert_eq!(named, expected);
}

/// Optimized as a whole, and without symbols.
#[test]
fn the_libraries_are_small() {
    let (_, native) = dist_and_native();
    let size = |path: PathBuf| fs::metadata(&path).unwrap_or_else(|error| panic!("{path:?}: {error}")).len();
    let mut report = BTreeMap::new();
    for shipped in all() {
        let directory = native.join(shipped.platform.target);
        let shared = size(directory.join(shipped.shared_library()));
        let archive = if shipped.platform.is_windows() { 0 } else { size(directory.join("libzmd.a")) };
        report.insert(shipped.name, (shared, archive));
    }
    show(&format!("bytes of the shared and of the static library: {report:#?}\n"));
    for (target, (shared, archive)) in report {
        assert!(shared < 4_500_000 && archive < 16_000_000, "{target}: {shared} {archive}");
    }
}

#[test]
fn the_archives_install_themselves() {
    let (dist, _) = dist_and_native();
    for shipped in all().filter(|shipped| !shipped.platform.is_windows()) {
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
    let (dist, _) = dist_and_native();
    for shipped in all().filter(|shipped| shipped.platform.is_windows()) {
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
    let (dist, native) = dist_and_native();
    let home = scratch("shipped-wheels");
    text_of(Command::new("python3").args(["-m", "venv"]).arg(home.join("venv")));
    for shipped in all() {
        let to = home.join(shipped.name);
        let mut pip = Command::new(home.join("venv/bin/pip"));
        pip.args(["install", "-q", "--no-index", "--only-binary=:all:", "--platform", shipped.wheel, "--target"]);
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
        let ending = if shipped.platform.is_windows() { ".exe" } else { "" };
        for program in ["zmd", "zmd-sim"].map(|name| format!("{name}{ending}")) {
            shipped.is_built(&programs.join(&program), &program);
        }
        assert!(native.join(shipped.platform.target).exists());
        shipped.zmd_works(&programs.join(format!("zmd{ending}")));
    }
    fs::remove_dir_all(home).unwrap();
}

#[test]
fn the_packages_for_aarch64_are_installed() {
    let (dist, _) = dist_and_native();
    let arm = &ALL[2];
    if arm.platform.is_absent() || ["rpm", "dpkg"].into_iter().any(missing) {
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
    let (dist, _) = dist_and_native();
    if missing("unshare") {
        return;
    }
    let directory = scratch("shipped-source");
    let name = format!("zmd-{}-source", full_version());
    text_of(Command::new("tar").arg("-xzf").arg(dist.join(format!("{name}.tar.gz"))).arg("-C").arg(&directory));
    let source = directory.join(&name);
    let mut build = from_a_shell("unshare");
    build.args([
        "--map-root-user",
        "--net",
        env!("CARGO"),
        "build",
        "--offline",
        "--frozen",
        "-q",
        "-p",
        "zmd",
        "-p",
        "zmd-cli",
    ]);
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

/// What ConanCenter's and vcpkg's recipes would fetch is the archive of the source that lies beside them, and they build it without
/// a network.
#[test]
fn recipes_build_the_source_archive() {
    let (dist, _) = dist_and_native();
    if missing("cmake") {
        return;
    }
    let directory = scratch("shipped-recipes");
    let version = full_version();
    let unpacked = |kind: &str| {
        let name = format!("zmd-{kind}-{version}");
        let archive = dist.join(format!("{name}.tar.gz"));
        text_of(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(&directory));
        directory.join(name)
    };
    // What ships is optimized as a whole, which takes minutes and changes nothing of what is tested here.
    let variables = [
        ("CARGO_HOME", directory.join("cargo")),
        ("CARGO_TARGET_DIR", directory.join("target")),
        ("CARGO_NET_OFFLINE", "true".into()),
        ("CARGO_PROFILE_RELEASE_LTO", "off".into()),
        ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1".into()),
        ("CONAN_HOME", directory.join("conan")),
    ];
    a_port_installs_it(&unpacked("vcpkg").join("ports/zmd"), "static", |run_port| {
        run_port.arg(format!("-DDOWNLOADS={}", dist.display())).envs(variables.clone())
    });

    let recipe = unpacked("conan").join("recipes/zmd/all");
    let Some(conan) = conan() else { return };
    let data = fs::read_to_string(recipe.join("conandata.yml")).unwrap();
    let (url, archive) = data.split_once("url: \"").unwrap().1.split_once('"').unwrap().0.rsplit_once('/').unwrap();
    assert!(url.ends_with(&format!("/v{version}")) && archive == format!("zmd-{version}-source.tar.gz"), "{data}");
    fs::write(recipe.join("conandata.yml"), data.replace(url, &format!("file://{}", dist.display()))).unwrap();
    for arguments in [&["profile", "detect"][..], &["create", ".", "--version", &version]] {
        text_of(from_a_shell(&conan).args(arguments).envs(variables.clone()).current_dir(&recipe));
    }
    fs::remove_dir_all(directory).unwrap();
}
