//! The interface is that of the baseline, so that programs which were linked before work with it.

use std::process::Command;

use common::*;

#[test]
fn the_interface_is_that_of_the_baseline() {
    if cfg!(not(target_arch = "x86_64")) {
        skipped("x86-64", "the_interface_is_that_of_the_baseline");
        return;
    }
    if ["abidiff", "g++"].into_iter().any(missing) {
        return;
    }
    text_of(Command::new(format!("{ROOT}/scripts/abi")).arg("--build-only").env("CARGO_TARGET_DIR", target()));
    let now = target().join("abi/libzmd.so.0");
    let differences = |option: &str| {
        let mut abidiff = Command::new("abidiff");
        let (exit, out, err) = run(abidiff.args([option, "tests/abi/libzmd.so.0.abi"]).arg(&now).current_dir(ROOT));
        (exit != Some(0)).then_some(out + &err)
    };
    if let Some(differences) = differences("--no-added-syms") {
        panic!(
            "programs that were linked before would break:\n{differences}\nTake the change back: something new is a new \
             function or a new key. If it must be, programs have to be linked anew: a new major version, another number \
             in the SONAME (build.rs, Makefile, debian/) and a new baseline, tests/abi/libzmd.so.N.abi."
        );
    }
    if let Some(differences) = differences("--harmless") {
        panic!("the interface has grown:\n{differences}\nThat is fine: run `make abi`, and commit the new baseline.");
    }
}
