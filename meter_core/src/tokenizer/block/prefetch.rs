//! Asking for memory before it is needed.
//!
//! Owns the one instruction that does. It changes nothing that can be seen.

/// Brings `place` nearer, where the processor has an instruction for it.
#[inline]
pub(in crate::tokenizer) fn prefetch<T>(place: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: every processor of this architecture has the instruction; it reads nothing, and the place exists.
        #[expect(unsafe_code, reason = "places are named by pointers")]
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(place).cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}
