#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| widerspruch_fuzz::links(data));
