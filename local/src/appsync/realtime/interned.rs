//! Values that many subscriptions have in common, kept once and only for as long as one of them needs it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Shared values by key.
pub(super) struct Interned<K, V> {
    values: Mutex<HashMap<K, Weak<V>>>,
}

impl<K, V> Default for Interned<K, V> {
    fn default() -> Self {
        Self { values: Mutex::default() }
    }
}

impl<K: Eq + Hash, V> Interned<K, V> {
    /// The value of this key, if somebody still has it.
    pub(super) fn get(&self, key: &K) -> Option<Arc<V>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner).get(key)?.upgrade()
    }

    /// How many there is room for.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.values.lock().unwrap().capacity()
    }

    /// The value to share: the one that is there, else this one.
    pub(super) fn share(&self, key: K, value: V) -> Arc<V> {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = values.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        // What nobody has any more goes before the map would have to grow, and never one by one.
        if values.len() == values.capacity() {
            values.retain(|_, value| value.strong_count() > 0);
            let kept = values.len();
            values.reserve(kept + 1);
            values.shrink_to(2 * kept + 1);
        }
        let value = Arc::new(value);
        values.insert(key, Arc::downgrade(&value));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_shared_for_as_long_as_somebody_has_it() {
        let interned = Interned::default();
        let first = interned.share("a", 1);
        assert_eq!(*interned.share("a", 2), 1);
        assert_eq!(interned.get(&"a").as_deref(), Some(&1));
        drop(first);
        assert_eq!(interned.get(&"a"), None);
        assert_eq!(*interned.share("a", 3), 3);
    }

    #[test]
    fn values_that_nobody_has_do_not_pile_up() {
        let interned = Interned::default();
        let kept: Vec<_> = (0..10).map(|key| interned.share(key, key)).collect();
        for key in 10..100_000 {
            drop(interned.share(key, key));
        }
        assert!(interned.capacity() < 100);
        assert!(kept.iter().enumerate().all(|(key, value)| interned.get(&key).as_ref() == Some(value)));
    }
}
