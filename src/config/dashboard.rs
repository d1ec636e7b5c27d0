//! `[dashboard]`: the pages of the admin door.

use crate::language::Language;

/// `[dashboard]`: who may see the pages, and in which language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dashboard {
    /// How people say who they are.
    pub login: LogIn,
    /// The language of whoever asks for none.
    pub language: Language,
}

/// How people say who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogIn {
    /// By name and password.
    Password,
    /// A trusted proxy says who they are.
    Header {
        /// The field with the name, in lower case.
        user: String,
        /// The field with the role, in lower case; without it the role is that of the person in the store.
        role: Option<String>,
    },
}
