//! Where the large clouds serve models: what a `*` in a host of the table stands for, as far as it is known by name.
//!
//! Detection needs no list: it takes any name. A certificate authority that may speak for metered hosts only has to name
//! them, and a name constraint has no wildcard inside. A place that is missing here is named in the configuration.

/// Regions of AWS with Bedrock or announced for it.
const AWS: [&str; 36] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

/// Locations of Vertex.
const GOOGLE: [&str; 40] = [
    "africa-south1",
    "asia-east1",
    "asia-east2",
    "asia-northeast1",
    "asia-northeast2",
    "asia-northeast3",
    "asia-south1",
    "asia-south2",
    "asia-southeast1",
    "asia-southeast2",
    "australia-southeast1",
    "australia-southeast2",
    "eu",
    "europe-central2",
    "europe-north1",
    "europe-southwest1",
    "europe-west1",
    "europe-west12",
    "europe-west2",
    "europe-west3",
    "europe-west4",
    "europe-west6",
    "europe-west8",
    "europe-west9",
    "global",
    "me-central1",
    "me-central2",
    "me-west1",
    "northamerica-northeast1",
    "northamerica-northeast2",
    "southamerica-east1",
    "southamerica-west1",
    "us",
    "us-central1",
    "us-east1",
    "us-east4",
    "us-east5",
    "us-south1",
    "us-west1",
    "us-west4",
];

/// The names that `pattern` is known to stand for: itself, or each place in the stead of its `*`. None for a `*` alone.
pub(super) fn names(pattern: &str) -> Vec<String> {
    let places: &[&str] = match pattern.split_once('*') {
        None => return vec![pattern.to_owned()],
        Some(("", "")) => &[],
        Some(_) if pattern.ends_with(".googleapis.com") => &GOOGLE,
        Some(_) => &AWS,
    };
    places.iter().map(|place| pattern.replacen('*', place, 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_every_known_place_and_a_lone_one_is_nothing() {
        assert_eq!(names("api.openai.com"), ["api.openai.com"]);
        assert_eq!(names("*"), [""; 0]);
        assert!(
            names("bedrock-runtime.*.amazonaws.com")
                .contains(&"bedrock-runtime.eu-west-1.amazonaws.com".to_owned())
        );
        assert!(
            names("*-aiplatform.googleapis.com")
                .contains(&"europe-west4-aiplatform.googleapis.com".to_owned())
        );
    }
}
