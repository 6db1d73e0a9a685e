//! Reads a price in dollars from the text of a JSON number, exactly; refuses to go through floats.

use crate::money::Nano;

/// Exponents beyond this are no price.
const EXPONENT_MAX: i32 = 40;
/// Significant digits kept in 128 bits.
const DIGITS_MAX: usize = 30;
/// Decimal places of a nano-dollar.
const NANO_DECIMALS: i32 = 9;

/// The amount written in `number` (`0.000123`, `1.2e-05`), rounded half up to a nano-dollar; `None` if negative or absurd.
pub(super) fn dollars(number: &str) -> Option<Nano> {
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (number, 0),
    };
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.len() + decimals.len() > DIGITS_MAX || exponent.abs() > EXPONENT_MAX {
        return None;
    }
    let digits = whole.bytes().chain(decimals.bytes());
    let value = digits.into_iter().try_fold(0_i128, |value, byte| {
        byte.is_ascii_digit().then(|| value * 10 + i128::from(byte - b'0'))
    })?;
    let scale = NANO_DECIMALS + exponent - i32::try_from(decimals.len()).ok()?;
    let power = 10_i128.checked_pow(scale.unsigned_abs());
    let nano = match (scale >= 0, power) {
        (true, Some(power)) => value.checked_mul(power)?,
        (false, Some(power)) => value.checked_add(power / 2)? / power,
        (true, None) => return (value == 0).then_some(Nano::ZERO),
        (false, None) => 0,
    };
    Some(Nano::new(nano))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_to_the_nano_dollar() {
        let cases = [
            ("0.00007159", Some(71_590)),
            ("1.2e-05", Some(12_000)),
            ("1E2", Some(100_000_000_000)),
            ("0", Some(0)),
            ("0.0000000005", Some(1)),
            ("0.00000000049", Some(0)),
            ("1e-40", Some(0)),
            ("0e40", Some(0)),
            ("3e40", None),
            ("-1", None),
            ("1e99", None),
            ("", Some(0)),
        ];
        for (text, nano) in cases {
            assert_eq!(dollars(text), nano.map(Nano::new), "{text}");
        }
    }
}
