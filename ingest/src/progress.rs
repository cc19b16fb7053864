//! How far a long step has come, told to whoever shows it.

/// Somebody who shows progress: a bar in the terminal, or nobody. Called from several threads.
pub trait Progress: Sync {
    /// A step begins; `total` is in the unit of [`Progress::advance`] (bytes when reading, rows when loading).
    fn start(&self, label: &str, total: u64);
    /// So much more of the step is done.
    fn advance(&self, n: u64);
    /// So many more rows were read, where the step is reckoned in bytes.
    fn rows(&self, _n: u64) {}
    /// The step is done.
    fn finish(&self);
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn start(&self, _label: &str, _total: u64) {}
    fn advance(&self, _n: u64) {}
    fn finish(&self) {}
}
