//! What tests of the C++ binding share.

use std::path::{Path, PathBuf};

use super::{ROOT, compile_with, sim_over};
use zmd_sim::{Job, Sim};

const WARNINGS: [&str; 3] = ["-Wshadow", "-Wconversion", "-Wsign-conversion"];

/// Compiles a program that includes zmd.hpp, with the library in a directory. Further flags may be sources too.
pub fn compile_cpp(directory: &Path, compiler: &str, flags: &[&str], source: &str, name: &str) -> PathBuf {
    let include = format!("-I{ROOT}/bindings/cpp");
    let flags: Vec<_> = WARNINGS.iter().chain(&[include.as_str()]).chain(flags).copied().collect();
    compile_with(directory, compiler, &flags, source, name)
}

/// The stand-in for binding_test.cpp, with a job that is completed, one that goes on, and one that never begins to delete. It
/// accepts no other token than ours.
pub fn stand_in(tls: bool) -> Sim {
    let sim = sim_over(tls);
    sim.add_job("Leads", "1002", Job::new(50_000, 40.0));
    sim.add_job("Leads", "1003", Job::new(9, 0.0));
    sim
}
