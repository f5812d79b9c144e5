#![no_main]

// Panics of the mail parser are caught where it is called. libFuzzer would end at once on any of
// them; with this hook it ends only on those that are not caught.
libfuzzer_sys::fuzz_target!(
    init: std::panic::set_hook(Box::new(|_| {})),
    |data: &[u8]| widerspruch_fuzz::bounce(data)
);
