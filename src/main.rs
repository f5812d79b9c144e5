//! The command line.

use std::process::ExitCode;

use clap::Parser;
use widerspruch::cli::{self, Cli};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("widerspruch: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
