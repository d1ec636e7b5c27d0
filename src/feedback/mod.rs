//! What comes back: what advertising has cost, and what became of leads.
//!
//! `sheet` reads files of many makes into rows, `value` their cells; [`costs`] and [`outcomes`] say what the rows mean. Every
//! row that cannot be used is refused with its line and the reason, and as long as there is one, nothing is kept.

pub mod costs;
pub mod outcomes;
mod refusal;
mod sheet;
mod signed;
mod value;

pub use refusal::{Refusal, Refusals, Unreadable};
pub use sheet::{Format, LARGEST};
pub use signed::Signed;
