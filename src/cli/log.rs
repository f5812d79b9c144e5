//! What the program says on standard error, and what it never says (rule P8).
//!
//! `RUST_LOG` chooses how much of our own code is heard. The libraries are heard from warnings
//! up and no further, whatever it says: at finer levels they write out paths, and in ours stand
//! tokens. Nor does a panic tell its message, unless that is a fixed text: a message put together
//! holds what was at hand, an address perhaps.

use std::panic::PanicHookInfo;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts the log.
pub fn start() {
    let chosen = std::env::var("RUST_LOG").unwrap_or_default();
    tracing_subscriber::registry()
        .with(levels(&chosen))
        .with(filter_fn(may_be_heard))
        .with(
            tracing_subscriber::fmt::layer()
                .with_writer(std::io::stderr)
                .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
                .with_target(false),
        )
        .init();
    std::panic::set_hook(Box::new(report_panic));
}

/// The levels that somebody chose (`level`, `target=level`, several with commas between them), or
/// the usual ones.
fn levels(chosen: &str) -> Targets {
    let usual = || {
        Targets::new()
            .with_default(Level::WARN)
            .with_target("widerspruch", Level::INFO)
    };
    // An empty directive would be a target that every other begins with, at the finest level.
    let directives: Vec<_> = chosen
        .split(',')
        .map(str::trim)
        .filter(|directive| !directive.is_empty())
        .collect();
    if directives.is_empty() {
        return usual();
    }
    directives.join(",").parse().unwrap_or_else(|_| usual())
}

fn may_be_heard(metadata: &Metadata<'_>) -> bool {
    let of = metadata.target();
    of == "widerspruch" || of.starts_with("widerspruch::") || *metadata.level() <= Level::WARN
}

fn report_panic(info: &PanicHookInfo<'_>) {
    let place = info
        .location()
        .map_or_else(|| "?".to_owned(), ToString::to_string);
    let message = info.payload().downcast_ref::<&'static str>();
    let message = message.copied().unwrap_or("its message is not shown");
    tracing::error!(place, message, "panic");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_chosen_by_target() {
        for nothing in ["", " , ", "widerspruch=loud", "a=b=c"] {
            let usual = levels(nothing);
            assert!(
                usual.would_enable("widerspruch::web", &Level::INFO),
                "{nothing}"
            );
            assert!(!usual.would_enable("widerspruch::web", &Level::DEBUG));
            assert!(usual.would_enable("lettre", &Level::WARN));
            assert!(!usual.would_enable("lettre", &Level::INFO));
        }
        let chosen = levels("error, widerspruch::db=trace,");
        assert!(chosen.would_enable("widerspruch::db::pool", &Level::TRACE));
        assert!(!chosen.would_enable("widerspruch::web", &Level::WARN));
        assert!(levels("debug").would_enable("widerspruch", &Level::DEBUG));
    }
}
