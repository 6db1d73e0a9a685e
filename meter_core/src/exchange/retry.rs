//! Which repetition of a request this is, by the fields of SDKs and proxies. It refuses to know repeats that nobody
//! announces (`meter::attempts`).

use crate::headers::Headers;

/// Fields that count retries, and what the first attempt says: the SDKs that Stainless generates, gRPC, a common spelling,
/// and Envoy, which counts attempts.
const FIELDS: [(&str, u32); 4] = [
    ("x-stainless-retry-count", 0),
    ("grpc-previous-rpc-attempts", 0),
    ("x-retry-count", 0),
    ("x-envoy-attempt-count", 1),
];
/// `attempt=2; max=3`, of the AWS SDKs.
const AWS_FIELD: &str = "amz-sdk-request";

/// The retry that the fields state; 0 is the first attempt.
pub(super) fn stated(headers: Headers<'_>) -> u32 {
    let text = |name: &str| headers.get(name).and_then(|value| std::str::from_utf8(value).ok());
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let counted = FIELDS.iter().filter_map(|(name, first)| Some(number(text(name)?)?.saturating_sub(*first)));
    let aws = text(AWS_FIELD).and_then(|value| {
        let attempt = value.split(';').find_map(|pair| pair.trim().strip_prefix("attempt="))?;
        Some(number(attempt)?.saturating_sub(1))
    });
    counted.chain(aws).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_counting_is_understood() {
        for (name, value, retry) in [
            ("X-Stainless-Retry-Count", "2", 2),
            ("x-stainless-retry-count", "two", 0),
            ("amz-sdk-request", "attempt=1; max=3", 0),
            ("amz-sdk-request", "ttl=20260101T000000Z; attempt=3; max=3", 2),
            ("amz-sdk-request", "attempt=", 0),
            ("grpc-previous-rpc-attempts", "1", 1),
            ("x-envoy-attempt-count", "1", 0),
            ("x-envoy-attempt-count", "3", 2),
            ("x-envoy-attempt-count", "0", 0),
            ("x-retry-count", " 4 ", 4),
            ("accept", "1", 0),
        ] {
            assert_eq!(stated(Headers(&[(name.as_bytes(), value.as_bytes())])), retry, "{name}: {value}");
        }
    }
}
