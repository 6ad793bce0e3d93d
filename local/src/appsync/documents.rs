//! Documents that were parsed and validated before. A client sends the same few texts again and again, with other
//! variables, and to look at one takes longer than to run it.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use super::execution::Parsed;

/// How many are kept: more than an application has, and few enough that a client who sends ever new texts costs little.
const KEPT: NonZeroUsize = NonZeroUsize::new(128).unwrap();

/// The longest text that is kept, in bytes: what is made of it takes many times that.
const LONGEST: usize = 2 * 1024;

/// By text and operation name.
type Key = (String, Option<String>);

/// The documents that were used last.
pub(super) struct Documents(Mutex<LruCache<Key, Arc<Parsed>>>);

impl Default for Documents {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(KEPT)))
    }
}

impl Documents {
    /// The document with this text, from `parse` if it is not at hand. What is wrong is not kept.
    ///
    /// # Errors
    /// Those of `parse`.
    pub(super) fn get<E>(
        &self,
        query: String,
        operation_name: Option<String>,
        parse: impl FnOnce(&str, Option<&str>) -> Result<Parsed, E>,
    ) -> Result<Arc<Parsed>, E> {
        let key = (query, operation_name);
        if let Some(known) = self.lock().get(&key) {
            return Ok(Arc::clone(known));
        }
        let parsed = Arc::new(parse(&key.0, key.1.as_deref())?);
        if key.0.len() <= LONGEST {
            self.lock().put(key, Arc::clone(&parsed));
        }
        Ok(parsed)
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<Key, Arc<Parsed>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::TestApi;
    use super::*;

    #[test]
    fn a_text_is_looked_at_once_and_each_of_its_operations_by_itself() {
        let api = TestApi::open("type Query { a: Int }").api();
        let documents = Documents::default();
        let text = "query A { __typename } query B { __typename }";
        let mut parsed = 0;
        let mut get = |name: Option<&str>| {
            let got = documents.get(text.to_owned(), name.map(str::to_owned), |query, name| {
                parsed += 1;
                Parsed::new(&api.schema, &api.settings, query, name)
            });
            let name = got.ok().and_then(|got| got.operation().name.clone()).map(|name| name.to_string());
            (name, parsed)
        };
        assert_eq!(get(Some("A")), (Some("A".to_owned()), 1));
        assert_eq!(get(Some("B")), (Some("B".to_owned()), 2));
        assert_eq!(get(Some("A")), (Some("A".to_owned()), 2));
        assert_eq!(get(None), (None, 3));
        assert_eq!(get(None), (None, 4), "what is wrong is not kept");
    }

    #[test]
    fn neither_ever_new_texts_nor_long_ones_are_kept() {
        let api = TestApi::open("type Query { a: Int }").api();
        let documents = Documents::default();
        let get = |query: String| {
            let parsed = documents.get(query, None, |query, name| Parsed::new(&api.schema, &api.settings, query, name));
            assert!(parsed.is_ok_and(|parsed| parsed.operation().name.is_some()));
        };
        for number in 0..2 * KEPT.get() {
            get(format!("query Q{number} {{ __typename }}"));
        }
        assert_eq!(documents.lock().len(), KEPT.get());
        let long = format!("query Q {{ __typename }} #{}", " ".repeat(LONGEST));
        get(long.clone());
        assert!(!documents.lock().contains(&(long, None)));
    }
}
