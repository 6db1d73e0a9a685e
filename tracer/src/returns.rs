//! Where a function returns: its instructions are decoded from the first to the last, because what looks like a return
//! instruction may be in the middle of another, and a probe there would change that one.

use iced_x86::{Decoder, DecoderOptions, Mnemonic};
use object::Architecture;

use crate::limits::RETURNS_MAX;

/// `RET` of `AArch64`, through the link register.
const RET_AARCH64: u32 = 0xd65f_03c0;

/// Offsets of the return instructions in the code of one function. None if it has none, or is not understood to its end.
pub(crate) fn returns(architecture: Architecture, code: &[u8]) -> Option<Vec<u64>> {
    let found = match architecture {
        Architecture::X86_64 => x86_64(code)?,
        Architecture::Aarch64 => aarch64(code),
        _ => return None,
    };
    (!found.is_empty() && found.len() <= RETURNS_MAX).then_some(found)
}

fn x86_64(code: &[u8]) -> Option<Vec<u64>> {
    let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
    let mut found = Vec::new();
    while decoder.can_decode() {
        let instruction = decoder.decode();
        if instruction.is_invalid() {
            return None;
        }
        if instruction.mnemonic() == Mnemonic::Ret {
            found.push(instruction.ip());
        }
    }
    Some(found)
}

fn aarch64(code: &[u8]) -> Vec<u64> {
    let words = code.as_chunks::<4>().0.iter();
    (0..)
        .step_by(4)
        .zip(words)
        .filter(|(_, word)| u32::from_le_bytes(**word) == RET_AARCH64)
        .map(|(at, _)| at)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_return_inside_another_instruction_is_none() {
        // mov eax, 0xc3c3c3c3; ret; int3; xor eax, eax; ret; int3
        let code = [0xb8, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xcc, 0x31, 0xc0, 0xc3, 0xcc];
        assert_eq!(returns(Architecture::X86_64, &code), Some(vec![5, 9]));
    }

    #[test]
    fn code_that_is_cut_or_unknown_has_none() {
        // A return, and the beginning of a move.
        assert_eq!(returns(Architecture::X86_64, &[0xc3, 0xb8, 0xc3]), None);
        assert_eq!(returns(Architecture::X86_64, &[0x90]), None);
        assert_eq!(returns(Architecture::Riscv64, &[0xc3]), None);
        assert_eq!(returns(Architecture::X86_64, &[0xc3; RETURNS_MAX + 1]), None);
    }

    #[test]
    fn instructions_of_aarch64_are_words() {
        let code = [0, 0, 0x80, 0xd2, 0xc0, 0x03, 0x5f, 0xd6, 0xc0];
        assert_eq!(returns(Architecture::Aarch64, &code), Some(vec![4]));
    }

    proptest! {
        #[test]
        fn any_bytes_have_their_returns_within(code in proptest::collection::vec(any::<u8>(), 0..300)) {
            for architecture in [Architecture::X86_64, Architecture::Aarch64] {
                for at in returns(architecture, &code).unwrap_or_default() {
                    prop_assert!(usize::try_from(at).unwrap() < code.len());
                }
            }
        }
    }
}
