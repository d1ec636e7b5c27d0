//! The bounds of a lead's texts, which strangers wrote.

/// Limits of the schema, in characters.
pub mod limit {
    /// Names, subjects, UTM values.
    pub const TEXT: usize = 1024;
    /// Addresses.
    pub const ADDRESS: usize = 320;
    /// Touches of one lead.
    pub const TOUCHES: usize = 64;
    /// Tags of one lead.
    pub const TAGS: usize = 32;
    /// A tag or a channel id.
    pub const NAME: usize = 64;
    /// The event's `subject`.
    pub const SUBJECT: usize = 255;
}
