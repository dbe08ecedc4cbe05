//! State that all clients of a service share, reached through a lock that the front end chooses.

use core::cell::RefCell;

/// A `T` that several sessions use in turn.
///
/// A front end with one loop has a [`RefCell`]; one with threads implements this for a mutex of its own.
pub trait Shared<T> {
    /// Calls `work` with the state, alone with it. `work` must not call `with` on the same state: it would not be called then, or wait
    /// for itself.
    fn with(&self, work: impl FnOnce(&mut T));
}

impl<T> Shared<T> for RefCell<T> {
    fn with(&self, work: impl FnOnce(&mut T)) {
        if let Ok(mut state) = self.try_borrow_mut() {
            work(&mut state);
        }
    }
}

impl<T, S: Shared<T>> Shared<T> for &S {
    fn with(&self, work: impl FnOnce(&mut T)) {
        (*self).with(work);
    }
}
