//! The command line.

use std::process::ExitCode;

use widerspruch::cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::run(cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("widerspruch: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
