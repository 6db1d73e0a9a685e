//! Exact token counts of the public encodings.
//!
//! Owns the encodings, their pre-tokenizers, merging, and the streaming counter. Refuses to know requests, messages
//! and prices: it is text in, tokens out. Nothing here recurses, backtracks over text or panics, whatever the bytes.
//!
//! Bytes that are not UTF-8 are read as [`String::from_utf8_lossy`] reads them: each maximal broken sequence counts as one
//! U+FFFD, which is what a program that decodes leniently before it calls tiktoken would send.

mod block;
mod boundaries;
mod boundaries_deepseek;
mod choice;
mod class;
mod class_table;
mod cutting;
mod embedded;
mod file;
mod kinds;
mod literal;
mod matched;
mod memory;
mod merge;
mod merge_list;
mod merging;
mod miss_cache;
mod model;
mod normal_form;
#[cfg(test)]
mod packed;
mod parts;
mod pattern;
mod prefixes;
mod queued;
mod recent;
mod registry;
mod rules;
mod scan;
mod scan_deepseek;
mod shared;
mod special;
mod stream;
mod symbol_table;
mod tables;
mod tally;
mod text_tokenizer;
mod vocabulary;
mod windows;

use tables::{pairs, split};

pub use choice::Tokenizers;
pub use file::FileError;
pub use model::encoding_for_model;
pub use pattern::Pattern;
pub use registry::{ENCODINGS, for_model, get};
pub use shared::SharedTokenizer;
pub use stream::StreamCounter;
pub use text_tokenizer::{Tokenizer, UnknownToken};
pub use vocabulary::VocabularyError;
