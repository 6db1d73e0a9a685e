//! Paths of Amazon Bedrock's runtime.

use super::operation::Operation;
use super::request_line::{RequestLine, decoded};
use super::shape::Shape;
use crate::dialect::Dialect;

/// The shape of `/model/{id or ARN}/{action}`; None for other paths.
pub(super) fn shape(line: &RequestLine<'_>) -> Option<Shape> {
    let segments = line.segments();
    let at = segments.iter().position(|segment| *segment == "model")?;
    let (action, id) = segments.get(at + 1..)?.split_last()?;
    if id.is_empty() {
        return None;
    }
    // An ARN that was not escaped brings slashes of its own.
    let model = Some(decoded(&id.join("/")));
    let shape = match *action {
        "converse" => Shape::paid(Operation::Converse, Dialect::BedrockConverse),
        "converse-stream" => Shape::paid(Operation::Converse, Dialect::BedrockConverse).streamed(true),
        "invoke" => Shape::paid(Operation::Invoke, Dialect::BedrockInvoke),
        "invoke-with-response-stream" => {
            Shape::paid(Operation::Invoke, Dialect::BedrockInvoke).streamed(true)
        }
        "count-tokens" => Shape::free(Operation::CountTokens),
        _ => return None,
    };
    Some(shape.of(model))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_stands_in_the_path() {
        let cases = [
            (
                "/model/amazon.nova-micro-v1%3A0/converse",
                "amazon.nova-micro-v1:0",
                Operation::Converse,
                false,
            ),
            (
                "/model/anthropic.claude-v2/invoke-with-response-stream",
                "anthropic.claude-v2",
                Operation::Invoke,
                true,
            ),
            (
                "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.x/converse-stream",
                "arn:aws:bedrock:us-east-1:1:inference-profile/us.x",
                Operation::Converse,
                true,
            ),
            (
                "/model/arn:aws:bedrock:r:1:inference-profile/p/invoke",
                "arn:aws:bedrock:r:1:inference-profile/p",
                Operation::Invoke,
                false,
            ),
        ];
        for (path, model, operation, stream) in cases {
            let shape = shape(&RequestLine::new("POST", path)).unwrap();
            assert_eq!(
                (shape.model.as_deref(), shape.operation, shape.stream),
                (Some(model), operation, stream),
                "{path}"
            );
        }
        for path in ["/model/invoke", "/model/x/other", "/v1/models", "/models/x/converse"] {
            assert_eq!(shape(&RequestLine::new("POST", path)), None, "{path}");
        }
    }
}
