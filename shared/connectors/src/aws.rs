//! Reasons for failed AWS calls. Messages are left out: some repeat the keys of the request.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

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
