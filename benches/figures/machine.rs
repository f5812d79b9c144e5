//! On what is measured.

use std::io::Write;
use std::time::Instant;

/// One line about the machine: without it a figure says little.
pub fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned());
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_else(|| "unknown".to_owned());
    let build = if cfg!(debug_assertions) {
        "a DEBUG build, whose figures mean nothing"
    } else {
        "a release build"
    };
    format!(
        "{build} on {cores} cores ({processor}), memory {memory}; a write and sync of the disk takes {:.2} ms",
        sync_time() * 1_000.0
    )
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// How long one small write takes until it is on the disk where the databases lie: the median of
/// many, in seconds.
fn sync_time() -> f64 {
    let mut file = tempfile::tempfile().expect("a file");
    let times = (0..200)
        .map(|_| {
            let start = Instant::now();
            file.write_all(&[7; 4_096]).expect("written");
            file.sync_data().expect("synced");
            start.elapsed().as_secs_f64()
        })
        .collect();
    super::table::median(times, |seconds| *seconds)
}
