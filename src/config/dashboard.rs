//! `[dashboard]`: the pages of the admin door.

/// `[dashboard]`: who may see the pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dashboard {
    /// How people say who they are.
    pub login: LogIn,
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
