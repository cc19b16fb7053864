//! Progress bars on standard error, silent where nobody watches.

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// How often a bar is drawn when nothing is told: the time passes, too.
const TICK: Duration = Duration::from_millis(500);

/// A bar for the long steps of a verb.
pub(crate) struct Bars {
    current: Mutex<Option<Bar>>,
}

struct Bar {
    shown: ProgressBar,
    /// Rows so far, of a step that is reckoned in bytes.
    rows: u64,
}

impl Bar {
    fn new(label: &str, total: u64) -> Self {
        let shown = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        // Within the 80 columns of a small terminal, also with millions of rows.
        let template = "{prefix:8} {bar:16} {percent:>3} % {msg}{left}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            shown.set_style(style.with_key("left", left));
        }
        shown.set_prefix(label.to_owned());
        shown.enable_steady_tick(TICK);
        Self { shown, rows: 0 }
    }

    fn add_rows(&mut self, rows: u64) {
        self.rows += rows;
        let passed = u64::try_from(self.shown.elapsed().as_millis()).unwrap_or(u64::MAX);
        let rate = HumanCount(self.rows.saturating_mul(1000) / passed.max(1));
        self.shown.set_message(format!(" {} rows, {rate} a second", HumanCount(self.rows)));
    }
}

/// The time left, or what has passed while there is nothing to reckon it from.
fn left(state: &ProgressState, out: &mut dyn fmt::Write) {
    let (time, what) = if state.pos() > 0 { (state.eta(), "left") } else { (state.elapsed(), "passed") };
    // What cannot be written is not shown.
    let _ = write!(out, ", {:#} {what}", HumanDuration(time));
}

impl Bars {
    pub(crate) fn new() -> Self {
        Self { current: Mutex::new(None) }
    }

    fn with(&self, act: impl FnOnce(&mut Option<Bar>)) {
        // A poisoned lock only means that another thread panicked while drawing.
        let mut guard = self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        act(&mut guard);
    }
}

impl skjerm_ingest::Progress for Bars {
    fn start(&self, label: &str, total: u64) {
        let bar = Bar::new(label, total);
        self.with(|current| {
            if let Some(old) = current.replace(bar) {
                old.shown.finish();
            }
        });
    }

    fn advance(&self, n: u64) {
        self.with(|current| {
            if let Some(bar) = current {
                bar.shown.inc(n);
            }
        });
    }

    fn rows(&self, n: u64) {
        self.with(|current| {
            if let Some(bar) = current {
                bar.add_rows(n);
            }
        });
    }

    fn finish(&self) {
        self.with(|current| {
            if let Some(bar) = current.take() {
                bar.shown.finish();
            }
        });
    }
}
