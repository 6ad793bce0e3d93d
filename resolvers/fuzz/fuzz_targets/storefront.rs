#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::try_format("storefront", data));
