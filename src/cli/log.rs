//! What the program says on standard error, and what it never says (rule P8).
//!
//! `RUST_LOG` chooses how much of our own code is heard. The libraries are heard from warnings
//! up and no further, whatever it says: at finer levels they write out paths, and in ours stand
//! tokens. Nor does a panic tell its message, unless that is a fixed text: a message put together
//! holds what was at hand, an address perhaps.

use std::panic::PanicHookInfo;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts the log.
pub fn start() {
    let chosen =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn,widerspruch=info".into());
    tracing_subscriber::registry()
        .with(chosen)
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
