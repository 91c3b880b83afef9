//! Lines for people about what is going on.

/// A warning, a restart, a recovery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Lower case, no final period.
    pub message: String,
    /// The next step, where there is one.
    pub hint: Option<String>,
}
