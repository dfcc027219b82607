//! What ships, and other people's tools.

mod checks;
mod costs;
mod engines;
mod hosts;
mod install;
mod linking;
mod python;
mod targets;
