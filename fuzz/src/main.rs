//! libFuzzer over one target of damm-fuzz, which `DAMM_FUZZ` names.

#![no_main]

use std::sync::LazyLock;

use damm_fuzz::{TARGETS, Target};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("DAMM_FUZZ").unwrap_or_default();
    let found = TARGETS.into_iter().find(|target| target.name == name);
    found.unwrap_or_else(|| {
        let names = TARGETS.map(|target| target.name).join(", ");
        panic!("DAMM_FUZZ is `{name}`; set it to one of {names}")
    })
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| (TARGET.run)(data));
