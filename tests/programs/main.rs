//! Programs that use the library: in C and C++, and the command.

mod cpp;
mod library;
mod loading;
mod secrets;
mod soak;
mod system_calls;
mod torture;
