//! The command as its users run it, against the stand-in for the service: one program, which is linked once.

#[cfg(unix)]
mod bars;
mod doctor;
#[cfg(unix)]
mod environment;
mod help;
mod jobs;
mod json;
mod login;
mod program;
#[cfg(unix)]
mod terminal;
