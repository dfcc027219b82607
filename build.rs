//! Generates include/zmd.h from the source, and sets the name of the shared library, on Windows its version.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

fn main() {
    for source in ["src"].iter().chain(SOURCES) {
        println!("cargo::rerun-if-changed={source}");
    }
    println!("cargo::rerun-if-changed=cbindgen.toml");
    println!("cargo::rerun-if-changed=include/zmd.h");
    name_the_library();
    add_version_information();

    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    // The core is a package of its own. Where this one is alone, as in a registry, the header is what cargo has packed.
    if SOURCES.iter().any(|source| !Path::new(&root).join(source).exists()) {
        return;
    }
    let header = Path::new(&root).join("include/zmd.h");
    let fresh = generate(&root);
    // Only written if it has changed: `cargo package` refuses a build that changes its own sources, and programs that
    // include the header need not be recompiled.
    if fs::read(&header).ok().as_deref() != Some(fresh.as_slice()) {
        fs::write(&header, fresh).expect("include/zmd.h can be written");
    }
}

fn generate(root: &str) -> Vec<u8> {
    let mut config = cbindgen::Config::from_file(format!("{root}/cbindgen.toml")).expect("cbindgen.toml is good");
    let version = |part: &str| env::var(format!("CARGO_PKG_VERSION_{part}")).expect("cargo sets it");
    config.header = Some(PREFACE.trim().to_owned());
    config.after_includes = Some(format!(
        "\n{API}\n\n/** The version of this header; zmd_version() is that of the library. */\n\
         #define ZMD_VERSION_MAJOR {}\n/** See ZMD_VERSION_MAJOR. */\n#define ZMD_VERSION_MINOR {}\n\
         /** See ZMD_VERSION_MAJOR. */\n#define ZMD_VERSION_PATCH {}\n\
         /** The version as a number that grows: 10000 * major + 100 * minor + patch. */\n#define ZMD_VERSION_NUMBER \
         (10000 * ZMD_VERSION_MAJOR + 100 * ZMD_VERSION_MINOR + ZMD_VERSION_PATCH)\n\
         /** The version as text. */\n#define ZMD_VERSION \"{}\"",
        version("MAJOR"),
        version("MINOR"),
        version("PATCH"),
        env::var("CARGO_PKG_VERSION").expect("cargo sets it")
    ));
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in SOURCES {
        builder = builder.with_src(Path::new(root).join(source));
    }
    let mut header = Vec::new();
    builder.generate().expect("the source can be read").write(&mut header);
    let text = String::from_utf8(header).expect("the source is UTF-8");
    without_safety_sections(&with_c_names(&text)).into_bytes()
}

/// The source of the header: the C interface, and the two files of the core that have the numbers of errors and states.
const SOURCES: &[&str] = &["core/src/error.rs", "core/src/status.rs", "src/lib.rs"];

/// cbindgen calls a variant `ZMD_ERROR_TIMEOUT`, and success is not among the core's errors.
fn with_c_names(text: &str) -> String {
    let text = text.replace("  ZMD_ERROR_", "  ZMD_ERR_");
    let first = text.find("  /**\n   * A required pointer is NULL.").expect("the first error");
    let (before, after) = text.split_at(first);
    format!("{before}  /**\n   * The call succeeded.\n   */\n  ZMD_OK = 0,\n{after}")
}

/// The Safety sections for Rust repeat the C documentation.
fn without_safety_sections(text: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.trim() == "* # Safety" {
            inside = true;
            // The blank line in front of it.
            kept.pop();
        }
        inside &= line.trim() != "*/";
        if !inside {
            kept.push(line);
        }
    }
    kept.join("\n") + "\n"
}

/// Programs linked with libzmd load libzmd.so.0 (libzmd.0.dylib) at run time. The number changes when the ABI does.
fn name_the_library() {
    let system = env::var("CARGO_CFG_TARGET_OS").expect("cargo sets it");
    if system == "macos" {
        // Two words: both compilers and ld take them.
        println!("cargo::rustc-cdylib-link-arg=-install_name");
        println!("cargo::rustc-cdylib-link-arg=@rpath/libzmd.0.dylib");
    }
    if system == "linux" {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libzmd.so.0");
        // Its functions call each other. Where a process has two copies, they must not call those of the other.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-Bsymbolic");
        // A thread may end after dlclose(), and its clean-up code must not be unmapped; so the library stays mapped.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}

/// What the properties of zmd.dll show in the Explorer, and what installers compare: a resource, made by windres, which
/// comes with the linker of these targets. (Microsoft's tools have another compiler for it: there the DLL has none.)
fn add_version_information() {
    println!("cargo::rerun-if-env-changed=WINDRES");
    let set_by_cargo = |name: &str| env::var(name).expect("cargo sets it");
    if env::var("CARGO_CFG_WINDOWS").is_err() || set_by_cargo("CARGO_CFG_TARGET_ENV") != "gnu" {
        return;
    }
    let (version, directory) = (set_by_cargo("CARGO_PKG_VERSION"), set_by_cargo("OUT_DIR"));
    let numbers = ["MAJOR", "MINOR", "PATCH"].map(|part| set_by_cargo(&format!("CARGO_PKG_VERSION_{part}"))).join(",");
    let source = Path::new(&directory).join("version.rc");
    let object = Path::new(&directory).join("version.o");
    let text = VERSION_INFORMATION.replace("{version}", &version).replace("{numbers}", &numbers);
    fs::write(&source, text).expect("OUT_DIR can be written");
    let windres = env::var("WINDRES").unwrap_or_else(|_| {
        // What a cross compiler's tools are called in front of their names.
        match (set_by_cargo("HOST").contains("windows"), &*set_by_cargo("CARGO_CFG_TARGET_ARCH")) {
            (true, _) => "windres".to_owned(),
            (false, "x86") => "i686-w64-mingw32-windres".to_owned(),
            (false, arch) => format!("{arch}-w64-mingw32-windres"),
        }
    });
    let made = Command::new(&windres).arg(&source).arg("-o").arg(&object).status();
    match made {
        Ok(status) if status.success() => println!("cargo::rustc-cdylib-link-arg={}", object.display()),
        _ => println!("cargo::warning={windres} made no version information for zmd.dll: {made:?}"),
    }
}

const VERSION_INFORMATION: &str = r#"
1 VERSIONINFO
FILEVERSION {numbers},0
PRODUCTVERSION {numbers},0
FILEOS 0x40004
FILETYPE 2
BEGIN
    BLOCK "StringFileInfo"
    BEGIN
        BLOCK "040904B0"
        BEGIN
            VALUE "FileDescription", "How far is a Zoho CRM mass-delete job?"
            VALUE "FileVersion", "{version}"
            VALUE "InternalName", "zmd"
            VALUE "LegalCopyright", "MIT or Apache-2.0"
            VALUE "OriginalFilename", "zmd.dll"
            VALUE "ProductName", "libzmd"
            VALUE "ProductVersion", "{version}"
        END
    END
    BLOCK "VarFileInfo"
    BEGIN
        VALUE "Translation", 0x409, 1200
    END
END
"#;

/// In front of each function of the header.
const API: &str = "\
/**
 * An attribute of each function. It is empty, which is correct for the static and for the shared library. On Windows a
 * program that links zmd.dll may define it as `__declspec(dllimport)` before it includes this header, which saves a jump
 * in each call.
 */
#ifndef ZMD_API
#define ZMD_API
#endif";

const PREFACE: &str = r#"
/**
 * @mainpage libzmd
 *
 * How far is a Zoho CRM mass-delete job?
 *
 *     zmd_client *client;
 *     zmd_status status;
 *     if (zmd_client_new(NULL, &client) != ZMD_OK ||
 *         zmd_client_status(client, "Leads", "1234567890", &status) != ZMD_OK)
 *         fprintf(stderr, "%s\n", zmd_last_error());
 *     else
 *         printf("%s: %lld deleted\n", status.state_text, (long long)status.deleted_count);
 *     zmd_client_free(client);
 *
 * zmd_client_status() queries a job once, zmd_client_wait() waits for its end; the functions whose names end in _many do
 * the same for many jobs, and zmd_waits_new() creates a queue of waits for event loops. Hosts that can pass only numbers
 * and strings call zmd_simple_status() and zmd_simple_wait(). For C++, zmd.hpp has classes.
 *
 * - **Settings** come from the environment (ZMD_ACCESS_TOKEN, ZMD_DATA_CENTER, ...), from a configuration file, or from a
 *   zmd_config: zmd_config_set() lists them.
 * - **Errors**: functions that can fail return a zmd_error, and zmd_last_error() describes it.
 * - **Memory**: You own what you pass, and the library keeps no pointer to it after the call, except for callbacks and
 *   their user_data.
 * - **Threads**: Any number of threads may share a client, and one at a time may use a configuration; each thread has
 *   its own last error.
 * - **Callbacks**: A callback of yours is called while no lock is held, of this library or of one that it uses: it may
 *   call any function but those that its documentation names, and wait for other threads.
 * - **Stack**: A call takes less than 64 KB of its caller's stack on every target, and works on a thread with 128 KB.
 * - **The account**: A client and its clones have at most max_concurrency calls in flight, whichever functions and
 *   threads make them; with token_cache, all processes that share it.
 * - **fork**: A client that was created before fork() works in parent and child, whatever the parent's other threads do
 *   at that moment.
 * - **Signals**: No call fails with EINTR, none raises SIGPIPE, no signal handler is installed and no mask is changed.
 * - **Loading**: Loading the library starts no thread, reads no environment and opens no file; after the last
 *   zmd_client_free() no thread and no descriptor is left, except for a name lookup that the system has not finished.
 * - **Output**: Nothing is written to standard output and standard error, except where log_file is stderr, or when the
 *   process has no memory left.
 * - **Deadlines**: A call returns within its limit plus 100 ms: timeout_ms limits a whole status call, and a wait has
 *   the limit that it was given, including name lookup, connecting, TLS, retries, pauses and requesting a token.
 * - **Input**: Invalid input is refused before anything is sent, with a message that names the argument and its rule.
 * - **Servers**: Whatever a server sends, however much and however fast, ends with a status or an error within the
 *   call's limit.
 * - **Secrets**: Tokens and passwords never appear in a message or a line of the log, and are wiped from memory when
 *   the client is freed.
 * - **Bugs**: A bug in the library is returned as ZMD_ERR_INTERNAL; nothing unwinds into the caller.
 * - **The interface**: Names, error numbers, setting keys and structure layouts do not change once released.
 * - **Strings** are UTF-8 and NUL-terminated. Every function accepts NULL, and documents what it returns then.
 */

/**
 * @file
 * The C interface of libzmd, which the introduction above describes.
 *
 * Generated from the Rust source: do not edit. SPDX-License-Identifier: MIT OR Apache-2.0
 */
"#;
