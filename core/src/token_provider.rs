//! Access tokens from the host program, for example from a vault.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// Returns an access token when one is needed, or a message that says why there is none. Its argument is the access token
/// that the service refused, if it refused one.
#[derive(Clone)]
pub struct TokenProvider(Arc<Provide>);

type Provide = dyn Fn(Option<&str>) -> Result<Zeroizing<String>, String> + Send + Sync;

impl TokenProvider {
    /// `provide` is called on a thread of the library, one call at a time for a client and its clones.
    pub fn new(
        provide: impl Fn(Option<&str>) -> Result<Zeroizing<String>, String> + Send + Sync + 'static,
    ) -> TokenProvider {
        TokenProvider(Arc::new(provide))
    }

    pub(crate) fn provide(&self, refused: Option<&str>) -> Result<Zeroizing<String>, String> {
        (self.0)(refused)
    }
}

impl fmt::Debug for TokenProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenProvider")
    }
}
