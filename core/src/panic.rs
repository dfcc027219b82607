//! Panics become errors: a bug in this library does not unwind into the caller.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};

use crate::error::{Error, ErrorKind};

thread_local! {
    /// How many calls of `catch` this thread is in.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// The message of the panic that `catch` is about to catch, from the hook.
    static MESSAGE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs `body`; a panic in it becomes [`ErrorKind::Internal`].
pub fn catch<T>(body: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let _depth = Depth::enter();
    panic::catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        let from_hook = MESSAGE.try_with(|message| message.take()).unwrap_or_default();
        let message = if from_hook.is_empty() { text_of(&*payload) } else { &from_hook };
        Err(Error::new(ErrorKind::Internal, format!("a bug in libzmd, please report it: {message}")))
    })
}

/// For a program's panic hook: whether [`catch`] is about to catch this panic. Then its error says where the panic was, and
/// the hook need not print anything.
pub fn will_catch(info: &PanicHookInfo) -> bool {
    if DEPTH.try_with(Cell::get).unwrap_or(0) == 0 {
        return false;
    }
    let _ = MESSAGE.try_with(|message| *message.borrow_mut() = info.to_string());
    true
}

fn text_of(payload: &dyn Any) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic")
}

struct Depth;

impl Depth {
    fn enter() -> Depth {
        let _ = DEPTH.try_with(|depth| depth.set(depth.get() + 1));
        Depth
    }
}

impl Drop for Depth {
    fn drop(&mut self) {
        let _ = DEPTH.try_with(|depth| depth.set(depth.get() - 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        for (error, text) in [
            (catch::<()>(|| panic!("boom {}", 7)).unwrap_err(), "report it: boom 7"),
            (catch::<()>(|| panic!("boom")).unwrap_err(), "report it: boom"),
            (catch::<()>(|| panic::panic_any(7)).unwrap_err(), "report it: a panic"),
        ] {
            assert_eq!(error.kind(), ErrorKind::Internal);
            assert!(error.message().ends_with(text), "{error}");
        }
    }

    #[test]
    fn calls_are_counted_until_they_end() {
        let depth = || DEPTH.with(Cell::get);
        catch(|| {
            catch(|| {
                assert_eq!(depth(), 2);
                Ok(())
            })?;
            assert_eq!(depth(), 1);
            Ok(())
        })
        .unwrap();
        assert_eq!(depth(), 0);
    }
}
