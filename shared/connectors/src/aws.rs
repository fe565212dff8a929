//! Calls to AWS: patience with throttling, and reasons for failures.
//!
//! Messages are left out of reasons: some repeat the keys of the request.

use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// How often something that was throttled is tried again, after what the SDK tries by itself.
const RETRIES: u32 = 3;

/// How long to wait before another try, after so many.
pub(crate) fn pause(tries: u32) -> Duration {
    Duration::from_millis(50) * 2_u32.pow(tries)
}

/// Makes a call, again and again while it is throttled.
pub(crate) async fn patiently<T, E, R, F>(call: impl Fn() -> F) -> Result<T, SdkError<E, R>>
where
    E: ProvideErrorMetadata,
    F: Future<Output = Result<T, SdkError<E, R>>>,
{
    for tries in 1..=RETRIES {
        match call().await {
            Err(error) if is_throttling(&error) => tokio::time::sleep(pause(tries)).await,
            answer => return answer,
        }
    }
    call().await
}

fn is_throttling<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    matches!(
        error.code(),
        Some(
            "ProvisionedThroughputExceededException"
                | "RequestLimitExceeded"
                | "SlowDown"
                | "ThrottlingException"
        )
    )
}

/// Why a call failed, in words that hold nothing of its content.
pub(crate) fn reason<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    match error {
        SdkError::ServiceError(context) => {
            context.err().code().unwrap_or("an error without a code").to_owned()
        }
        SdkError::TimeoutError(_) => "no answer in time".to_owned(),
        SdkError::DispatchFailure(_) => "it could not be reached".to_owned(),
        SdkError::ResponseError(_) => "the answer made no sense".to_owned(),
        SdkError::ConstructionFailure(_) => "the request could not be built".to_owned(),
        _ => "an unknown failure".to_owned(),
    }
}
