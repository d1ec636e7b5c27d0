//! From a recorded lead to the headers that its message gets.
//!
//! Pure: a lead and the config's prefix in, header fields out. `headers` decides which fields there are, `encode` makes
//! each value safe ASCII, `signature` proves to a later hop that they are ours. Header fields reach every recipient of
//! the message, so they carry channel data only, never another recipient's address.

mod encode;
mod headers;
mod signature;

pub use encode::field_body;
pub use headers::{Field, ID, SUBSTITUTE, fields, is_ours};
pub use signature::{Seal, sign, verify};
