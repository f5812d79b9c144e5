//! A moment of every fuzz target, without libFuzzer: the corpus, and then the corpus damaged at
//! random. `bin/fuzz` is the long run. `FUZZ_SEED` repeats one.

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::support::eventually::HANG;

/// So many damaged inputs, if the time is not over before.
const INPUTS: u32 = 3_000;

/// The time for each target.
const MOMENT: Duration = Duration::from_secs(4);

/// Longer ones are cut: what breaks a parser is small.
const LONGEST: usize = 8 * 1024;

/// What parsers of mails, lists and markup stumble over.
const PIECES: [&[u8]; 28] = [
    b"\0",
    b"\r",
    b"\n",
    b"\r\n",
    b"\"",
    b"'",
    b";",
    b",",
    b"\t",
    b"<",
    b">",
    b"</",
    b"<!--",
    b"-->",
    b"{{",
    b"}}",
    b"{%",
    b"%}",
    b"&",
    b"&#x",
    b"--",
    b"=",
    b"=?utf-8?q?",
    b"\xff",
    b"\xc3",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xa8",
    b"@",
];

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let files = fs::read_dir(&place).unwrap_or_else(|e| panic!("{}: {e}", place.display()));
    let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    let read = paths
        .iter()
        .map(|path| fs::read(path).expect("a readable file"));
    read.collect()
}

fn damage(source: &[u8], others: &[Vec<u8>], random: &mut StdRng) -> Vec<u8> {
    let mut bytes = source.to_vec();
    for _ in 0..random.random_range(1..10) {
        let at = random.random_range(0..=bytes.len());
        let end = (at + random.random_range(0..60)).min(bytes.len());
        match random.random_range(0..6) {
            0 => bytes
                .splice(
                    at..at,
                    PIECES.choose(random).expect("a piece").iter().copied(),
                )
                .for_each(drop),
            1 => bytes.drain(at..end).for_each(drop),
            2 => {
                let piece = bytes[at..end].repeat(random.random_range(1..20));
                bytes.splice(at..at, piece).for_each(drop);
            }
            3 => {
                let other = others.choose(random).expect("a corpus");
                let from = random.random_range(0..=other.len());
                bytes
                    .splice(at..end, other[from..].iter().copied())
                    .for_each(drop);
            }
            4 => bytes.truncate(at),
            _ if at < bytes.len() => bytes[at] = random.random(),
            _ => {}
        }
    }
    bytes.truncate(LONGEST);
    bytes
}

/// Runs one target on one input.
fn try_one(name: &str, target: fn(&[u8]), input: &[u8], seed: u64) {
    let began = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| target(input)));
    assert!(
        outcome.is_ok() && began.elapsed() < HANG,
        "{name} with FUZZ_SEED={seed} on {:?}",
        String::from_utf8_lossy(input)
    );
}

fn from_environment<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

fn run(name: &str) {
    let (_, target) = targets::ALL
        .into_iter()
        .find(|(of, _)| *of == name)
        .expect("a target");
    let wanted: Option<String> = from_environment("FUZZ_TARGETS");
    if wanted.is_some_and(|wanted| !wanted.split(' ').any(|of| of == name)) {
        return;
    }
    let seed: u64 = from_environment("FUZZ_SEED").unwrap_or_else(rand::random);
    println!("{name}: FUZZ_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let corpus = corpus(name);
    assert!(!corpus.is_empty(), "{name} has seeds");
    for input in &corpus {
        try_one(name, target, input, seed);
    }
    let long = from_environment("FUZZ_SECONDS").map(Duration::from_secs);
    let (began, time) = (Instant::now(), long.unwrap_or(MOMENT));
    let mut tried = 0;
    while began.elapsed() < time && (long.is_some() || tried < INPUTS) {
        let source = corpus.choose(&mut random).expect("a corpus");
        let input = damage(source, &corpus, &mut random);
        try_one(name, target, &input, seed);
        tried += 1;
    }
    println!("{name}: {tried} inputs");
    assert!(tried > 0);
}

#[test]
fn token() {
    run("token");
}

#[test]
fn import() {
    run("import");
}

#[test]
fn bounce() {
    run("bounce");
}

#[test]
fn links() {
    run("links");
}

#[test]
fn mjml() {
    run("mjml");
}

#[test]
fn address() {
    run("address");
}

#[test]
fn every_target_is_run_and_has_a_binary() {
    let manifest = fs::read_to_string("fuzz/Cargo.toml").expect("the manifest");
    let own = fs::read_to_string("tests/it/fuzzed.rs").expect("this file");
    for (name, _) in targets::ALL {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        assert!(own.contains(&format!("run(\"{name}\")")), "{name}");
        assert!(
            Path::new(&format!("fuzz/fuzz_targets/{name}.rs")).is_file(),
            "{name}"
        );
    }
}
