//! The steward's page: whether the book is whole, how the budgets stand, what happened. It exists only where the program
//! was started for it, behind a door that opens once, and it reads only.
//!
//! **Architecture Invariant:** what is for the steward and what is public do not meet. [`crate::Published`] offers what is
//! published and nothing else; what the steward sees is behind [`Stewardship`], which is held by [`StewardState`] alone.
//! That is the state of the addresses below `/steward` and of no other: a public handler is given a
//! [`crate::DashboardState`], from which no path leads here. A test reads the sources of the public side for the names of
//! this one.
//!
//! | module | subject |
//! |---|---|
//! | [`model`] | what the page shows |
//! | `session` | the door: the token of the link, and the session behind its cookie |
//! | `source` | the page's content from an installation |
//! | `routes` | the addresses |

pub mod model;
pub(crate) mod routes;
mod session;
mod source;

use std::sync::Arc;

use jiff::Timestamp;
use skjerm_engine::EngineError;
use skjerm_warehouse::Installation;

pub use session::Token;
pub use source::InstallationSteward;

use model::{Account, Checked, Entry, Forecast, Part, RecordEntry, Sum, Wanted};
use session::Door;

/// How many entries a table of the page has.
pub const SHOWN: usize = 50;
/// How many refusals are counted: more of them are no news.
pub const COUNTED: usize = 500;

/// What only the steward may see. Calls may read files: they run on a blocking thread.
pub trait Stewardship: Send + Sync + 'static {
    /// The installation says that its data are synthetic.
    fn synthetic(&self) -> bool;
    /// As whom the door lets in.
    fn who(&self) -> &str;
    /// Enters a login in the book: without the entry nobody is let in.
    fn let_in(&self) -> Result<(), String>;
    /// Notes that somebody was turned away.
    fn turned_away(&self, reason: &str);
    /// The proof of the whole book, at most a minute old.
    fn checked(&self) -> Part<Checked>;
    /// All budgets.
    fn accounts(&self) -> Part<Vec<Account>>;
    /// What the blocks of each family add up to.
    fn sums(&self) -> Part<Vec<Sum>>;
    /// What the planned releases still need, at most a minute old.
    fn forecast(&self) -> Part<Forecast>;
    /// Charges that a crash left, newest first.
    fn lost(&self) -> Part<Vec<Entry>>;
    /// What was turned down since then, newest first, at most [`COUNTED`].
    fn refused(&self, since: Timestamp) -> Part<Vec<Entry>>;
    /// The records of the releases, newest first.
    fn records(&self) -> Part<Vec<RecordEntry>>;
    /// The last [`SHOWN`] entries that are wanted, newest first. `None` when no entry can be of that block or kind.
    fn entries(&self, wanted: &Wanted) -> Part<Option<Vec<Entry>>>;
}

/// The steward's page and its door.
#[derive(Clone)]
pub struct StewardState {
    source: Arc<dyn Stewardship>,
    door: Arc<Door>,
}

impl StewardState {
    /// The page of an installation, for an analyst of its policy with the role `steward`, and the token that opens it.
    pub fn open(installation: &Installation, analyst: &str) -> Result<(Self, Token), EngineError> {
        Self::new(InstallationSteward::open(installation, analyst)?, Timestamp::now())
    }

    /// Any content behind a door that began to be open at `started`.
    pub fn new(source: impl Stewardship, started: Timestamp) -> Result<(Self, Token), EngineError> {
        let (door, token) = Door::new(started)
            .map_err(|error| EngineError::fault(format!("The system gives no random numbers: {error}")))?;
        Ok((Self { source: Arc::new(source), door: Arc::new(door) }, token))
    }
}
