//! Progress bars on standard error, silent where nobody watches.

use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar for the long steps of a verb.
pub(crate) struct Bars {
    current: Mutex<Option<ProgressBar>>,
}

impl Bars {
    pub(crate) fn new() -> Self {
        Self { current: Mutex::new(None) }
    }

    fn with(&self, act: impl FnOnce(&mut Option<ProgressBar>)) {
        // A poisoned lock only means that another thread panicked while drawing.
        let mut guard = self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        act(&mut guard);
    }
}

impl skjerm_ingest::Progress for Bars {
    fn start(&self, label: &str, total: u64) {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        if let Ok(style) =
            ProgressStyle::with_template("{msg:32} {bar:30} {human_pos}/{human_len} {per_sec} {eta}")
        {
            bar.set_style(style);
        }
        bar.set_message(label.to_owned());
        self.with(|current| {
            if let Some(old) = current.replace(bar) {
                old.finish();
            }
        });
    }

    fn advance(&self, n: u64) {
        self.with(|current| {
            if let Some(bar) = current {
                bar.inc(n);
            }
        });
    }

    fn finish(&self) {
        self.with(|current| {
            if let Some(bar) = current.take() {
                bar.finish();
            }
        });
    }
}
