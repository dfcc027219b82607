//! Access tokens from the host program: a company keeps its secrets in a vault, an engine runs on many machines.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// Gives an access token when one is needed, and is told which one was refused; or says why there is none.
#[derive(Clone)]
pub struct TokenProvider(Arc<Provide>);

type Provide = dyn Fn(Option<&str>) -> Result<Zeroizing<String>, String> + Send + Sync;

impl TokenProvider {
    /// `provide` is called on a thread of the library's own, one call at a time for a client and its clones.
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
