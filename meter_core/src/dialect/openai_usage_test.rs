//! Tests of the usage object in every spelling: what is stated, what it comes to, what contradicts itself.

use super::openai_usage::OpenAiUsage;
use crate::detect::Reasoning;
use crate::json_scan::Scalar;
use crate::usage::{Defect, Defects, Usage};

fn read(fields: &[(&str, &str)]) -> (Option<Usage>, Defects) {
    let mut usage = OpenAiUsage::default();
    for (path, number) in fields {
        usage.value(path, if *number == "null" { Scalar::Null } else { Scalar::Number(number) });
    }
    usage.usage()
}

#[test]
fn both_spellings_give_the_same() {
    let chat = read(&[
        ("prompt_tokens", "10"),
        ("completion_tokens", "5"),
        ("total_tokens", "15"),
        ("prompt_tokens_details.cached_tokens", "4"),
        ("prompt_tokens_details.cache_write_tokens", "2"),
        ("completion_tokens_details.reasoning_tokens", "3"),
    ]);
    let responses = read(&[
        ("input_tokens", "10"),
        ("output_tokens", "5"),
        ("total_tokens", "15"),
        ("input_tokens_details.cached_tokens", "4"),
        ("input_tokens_details.cache_write_tokens", "2"),
        ("output_tokens_details.reasoning_tokens", "3"),
    ]);

    assert_eq!(chat, responses);
    assert_eq!(chat.0.unwrap().cache_write_5m_tokens, Some(2));
}

#[test]
fn a_missing_number_is_absent_and_null_erases_nothing() {
    let usage = read(&[("prompt_tokens", "0"), ("prompt_tokens", "null")]).0.unwrap();

    assert_eq!((usage.input_tokens, usage.output_tokens, usage.cache_read_tokens), (Some(0), None, None));
    assert_eq!(read(&[("total_tokens", "9")]).0, None);
}

#[test]
fn the_total_tells_where_reasoning_stands() {
    let beside = [
        ("prompt_tokens", "10"),
        ("completion_tokens", "5"),
        ("total_tokens", "45"),
        ("completion_tokens_details.reasoning_tokens", "30"),
    ];
    let (usage, defects) = read(&beside);

    assert_eq!(usage.unwrap().output_tokens, Some(35));
    assert!(defects.is_empty());
}

#[test]
fn a_provider_may_count_reasoning_nowhere_else() {
    let read = |reasoning, fields: &[(&str, &str)]| {
        let mut usage = OpenAiUsage::counting(reasoning);
        for (path, number) in fields {
            usage.value(path, Scalar::Number(number));
        }
        let (usage, defects) = usage.usage();
        let usage = usage.unwrap();
        (usage.output_tokens, usage.reasoning_tokens, defects.is_empty())
    };
    let beside = [
        ("prompt_tokens", "10"),
        ("completion_tokens", "5"),
        ("total_tokens", "15"),
        ("completion_tokens_details.reasoning_tokens", "30"),
    ];
    let in_total = [("prompt_tokens", "10"), ("completion_tokens", "5"), ("total_tokens", "45")];

    assert_eq!(read(Reasoning::Beside, &beside), (Some(35), Some(30), true));
    assert_eq!(read(Reasoning::InTotal, &in_total), (Some(35), Some(30), true));
}

#[test]
fn contradictions_keep_the_smaller_claim() {
    let (usage, defects) = read(&[("prompt_tokens", "10"), ("prompt_tokens_details.cached_tokens", "11")]);
    assert_eq!(usage.unwrap().cache_read_tokens, Some(10));
    assert!(defects.contains(Defect::Contradiction));

    let (_, defects) = read(&[("prompt_tokens", "10"), ("completion_tokens", "1"), ("total_tokens", "90")]);
    assert!(defects.contains(Defect::Contradiction));
}

#[test]
fn every_spelling_of_a_cache_is_read() {
    for cached in [
        "cached_tokens",
        "num_cached_tokens",
        "prompt_cache_hit_tokens",
        "prompt_tokens_details.cached_tokens",
        "prompt_token_details.cached_tokens",
        "input_token_details.cached_tokens",
    ] {
        let (usage, defects) = read(&[("prompt_tokens", "10"), (cached, "4")]);
        let usage = usage.unwrap();
        assert_eq!((usage.input_tokens, usage.cache_read_tokens), (Some(10), Some(4)), "{cached}");
        assert!(defects.is_empty());
    }
    let (parts, _) = read(&[("prompt_cache_hit_tokens", "4"), ("prompt_cache_miss_tokens", "6")]);
    assert_eq!(parts.unwrap().input_tokens, Some(10));
    let (both, _) = read(&[
        ("prompt_tokens", "10"),
        ("cached_tokens", "5"),
        ("prompt_tokens_details.cached_tokens", "4"),
    ]);
    assert_eq!(both.unwrap().cache_read_tokens, Some(4));
}

#[test]
fn audio_beside_the_input_shows_in_the_total() {
    let spoken = [
        ("prompt_audio_seconds", "203"),
        ("prompt_tokens", "4"),
        ("completion_tokens", "635"),
        ("total_tokens", "3264"),
    ];
    let stated = [
        ("prompt_tokens", "4"),
        ("completion_tokens", "635"),
        ("prompt_tokens_details.audio_tokens", "2625"),
        ("total_tokens", "3264"),
    ];
    for fields in [spoken, stated] {
        let (usage, defects) = read(&fields);
        let usage = usage.unwrap();
        assert_eq!((usage.input_tokens, usage.audio_input_tokens), (Some(2629), Some(2625)));
        assert!(defects.is_empty());
    }
    let mut silent = spoken;
    silent[0].1 = "0.0";
    assert!(read(&silent).1.contains(Defect::Contradiction));
    let inside = [
        ("prompt_tokens", "10"),
        ("prompt_tokens_details.audio_tokens", "7"),
        ("completion_tokens", "1"),
        ("total_tokens", "11"),
    ];
    assert_eq!(read(&inside).0.unwrap().input_tokens, Some(10));
}

#[test]
fn fees_and_numbers_written_as_text_count() {
    for (path, tokens) in [
        ("num_search_queries", "48"),
        ("num_sources_used", "48"),
        ("server_tool_use_details.web_search_requests", "48"),
        ("server_side_tool_usage_details.web_search_calls", "48"),
    ] {
        let (usage, _) = read(&[("completion_tokens", "1"), (path, tokens)]);
        assert_eq!(usage.unwrap().web_search_requests, Some(48), "{path}");
    }
    let mut text = OpenAiUsage::default();
    text.value("prompt_tokens", Scalar::String("12"));
    text.value("completion_tokens", Scalar::String("many"));
    assert_eq!(text.usage().0, Some(Usage { input_tokens: Some(12), ..Usage::default() }));
}

#[test]
fn predictions_checkpoints_and_citations_change_no_total() {
    let (usage, defects) = read(&[
        ("prompt_tokens", "10"),
        ("completion_tokens", "30"),
        ("total_tokens", "40"),
        ("completion_tokens_details.accepted_prediction_tokens", "5"),
        ("completion_tokens_details.rejected_prediction_tokens", "15"),
        ("latency_checkpoint.engine_tbt_ms", "9"),
        ("citation_tokens", "1000"),
    ]);

    assert_eq!(usage.unwrap(), Usage { input_tokens: Some(10), output_tokens: Some(30), ..Usage::default() });
    assert!(defects.is_empty());
}

#[test]
fn timings_stand_in_where_no_usage_is_stated() {
    let read = |usage: bool| {
        let mut read = OpenAiUsage::default();
        let paths = [("timings.prompt_n", "6"), ("timings.cache_n", "4"), ("timings.predicted_n", "3")];
        for (path, count) in paths {
            read.reply_value(path, Scalar::Number(count));
        }
        if usage {
            read.reply_value("usage.prompt_tokens", Scalar::Number("11"));
        }
        read.usage().0.unwrap()
    };

    let timed = read(false);
    assert_eq!((timed.input_tokens, timed.output_tokens), (Some(10), Some(3)));
    assert_eq!(timed.cache_read_tokens, Some(4));
    assert_eq!((read(true).input_tokens, read(true).output_tokens), (Some(11), None));
}

#[test]
fn a_total_alone_is_the_input_where_nothing_comes_back() {
    let mut usage = OpenAiUsage::default();
    usage.value("total_tokens", Scalar::Number("9"));

    assert_eq!(usage.usage().0, None);
    assert_eq!(usage.usage_of_input().0.unwrap().input_tokens, Some(9));
    usage.value("prompt_tokens", Scalar::Number("8"));
    assert_eq!(usage.usage_of_input().0.unwrap().input_tokens, Some(8));
}

#[test]
fn a_total_of_google_may_be_one_too_low() {
    let mut usage = OpenAiUsage::counting(Reasoning::InTotal);
    for (path, count) in [("prompt_tokens", "10"), ("completion_tokens", "5"), ("total_tokens", "14")] {
        usage.value(path, Scalar::Number(count));
    }

    let (read, defects) = usage.usage();
    assert_eq!((read.unwrap().output_tokens, defects.is_empty()), (Some(5), true));
}
