//! Progress on standard error: a bar on a terminal, otherwise a line now and then.
#![expect(clippy::print_stderr, reason = "progress belongs on standard error")]

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicI64, Ordering};

const PARTS: f64 = 1_000.0;

pub(super) enum Bar {
    Terminal(ProgressBar),
    /// The last tenth that was printed.
    Lines(AtomicI64),
}

impl Bar {
    pub(super) fn start() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::Lines(AtomicI64::new(0));
        }
        let style =
            ProgressStyle::with_template("{bar:30} {percent:>3} %  {elapsed} (ETA {eta})  {msg}")
                .expect("the template is valid");
        Self::Terminal(ProgressBar::new(PARTS as u64).with_style(style))
    }

    /// `fraction` done, 0 to 1.
    pub(super) fn show(&self, fraction: f64, note: &str) {
        match self {
            Self::Terminal(bar) => {
                bar.set_position((fraction * PARTS) as u64);
                bar.set_message(note.to_owned());
            }
            Self::Lines(last) => {
                let tenth = (fraction * 10.0) as i64;
                if last.swap(tenth, Ordering::Relaxed) < tenth {
                    eprintln!("{tenth}0 % {note}");
                }
            }
        }
    }

    /// A line that stays, above the bar.
    pub(super) fn say(&self, text: &str) {
        match self {
            Self::Terminal(bar) => bar.suspend(|| eprintln!("{text}")),
            Self::Lines(_) => eprintln!("{text}"),
        }
    }

    pub(super) fn end(&self) {
        if let Self::Terminal(bar) = self {
            bar.finish_and_clear();
        }
    }
}
