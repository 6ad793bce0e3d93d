//! What an order is and what it means: pure functions over values. No clock, no I/O, no cloud.
//!
//! The path of an order through these files:
//!
//! 1. [`received`]: the envelope and the document, exactly as they came;
//! 2. [`formats`]: what today's code makes of the document ([`formats::interpret`]), one file per format;
//! 3. [`changes`]: what happened to the order later, one file per kind;
//! 4. [`mod@merge`]: both together, as a reader sees them now or at an earlier moment;
//! 5. [`view`]: the shape in which a reader sees it, which is GraphQL's.

pub mod changes;
pub mod document;
pub mod formats;
pub mod json;
pub mod merge;
pub mod money;
pub mod received;
pub mod scalars;
pub mod view;

pub use changes::Change;
pub use formats::interpret;
pub use merge::merge;
pub use received::{ErasedOrder, Ownership, PlacedBy, ReceivedOrder, StoredOrder};
pub use scalars::{Id, Json, Timestamp};
pub use view::Order;
