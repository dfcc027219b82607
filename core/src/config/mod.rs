//! The configuration of a client: the table of settings, and the values of each, from the program, the environment, a
//! connection string and the configuration file.

mod connection_string;
mod file;
mod set;
mod settings;
mod values;

pub use file::{DEFAULT_PROFILE, config_file, usual_config_file};
pub(crate) use set::variable;
pub(crate) use settings::refusal;
pub use settings::{SETTINGS, Setting};
pub(crate) use values::ProxySetting;
pub use values::{Config, Source};
