//! What ships, and other people's tools.

mod checks;
mod costs;
mod dist;
mod engines;
mod hosts;
mod install;
mod linking;
mod pypi;
mod python;
mod shipped;
mod targets;
