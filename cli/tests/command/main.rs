//! The command as its users run it, against the stand-in for the service: one program, which is linked once.

#[cfg(unix)]
mod bars;
mod doctor;
mod help;
mod jobs;
mod json;
mod login;
mod program;
#[cfg(unix)]
mod terminal;
