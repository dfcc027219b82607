//! Variables of the environment.

use zeroize::Zeroizing;

/// The variable's value, where it has one.
pub fn variable(name: &str) -> Option<Zeroizing<String>> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).map(Zeroizing::new)
}
