//! Reports counted once more, slowly and simply: text where the engine has numbers, maps where it has tables, and every
//! letter looked at for every row.
//!
//! Written from what the product says of reports (`leadmilter report metrics`, the config's `[reports]`), not from the engine:
//! `books` reads what was recorded, `count` adds up, `numbers` has the formulas, `table` puts rows in order.

pub mod books;
pub mod count;
pub mod numbers;
pub mod table;
