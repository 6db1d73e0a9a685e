//! Fuzz target: see `meter_core_fuzz::tokens::tokens`; tiktoken says what the tokens of OpenAI's encodings are.
#![no_main]

use std::sync::LazyLock;

use tiktoken_rs::CoreBPE;

static R50K: LazyLock<CoreBPE> = LazyLock::new(|| tiktoken_rs::r50k_base().expect("embedded"));
static P50K: LazyLock<CoreBPE> = LazyLock::new(|| tiktoken_rs::p50k_base().expect("embedded"));
static CL100K: LazyLock<CoreBPE> = LazyLock::new(|| tiktoken_rs::cl100k_base().expect("embedded"));
static O200K: LazyLock<CoreBPE> = LazyLock::new(|| tiktoken_rs::o200k_base().expect("embedded"));

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    meter_core_fuzz::tokens::tokens(data);
    let (name, text) = meter_core_fuzz::tokens::text(data);
    let oracle = match name {
        "r50k_base" => &R50K,
        "p50k_base" => &P50K,
        "cl100k_base" => &CL100K,
        "o200k_base" => &O200K,
        _ => return,
    };
    let tokens = meter_core::tokenizer::get(name).expect("an encoding").encode(text.as_bytes());
    assert_eq!(tokens, oracle.encode_ordinary(&text), "{name}");
});
