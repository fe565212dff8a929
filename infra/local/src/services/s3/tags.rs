//! Tags of objects, and the rules S3 has for them.

use s3s::{
    S3Result,
    dto::{Tag, TagSet},
    s3_error,
};

use super::extras::Tags;

/// Reads the header `x-amz-tagging`, which is written like a query string.
pub(super) fn from_header(header: Option<&str>) -> S3Result<Tags> {
    let Some(header) = header else { return Ok(Tags::new()) };
    let tags: Tags = serde_urlencoded::from_str(header).map_err(|_| {
        s3_error!(InvalidArgument, "The header x-amz-tagging is not written like a query string")
    })?;
    checked(tags)
}

/// Reads a document of tags.
pub(super) fn from_document(tags: TagSet) -> S3Result<Tags> {
    checked(
        tags.into_iter().map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default())).collect(),
    )
}

/// Writes a document of tags.
pub(super) fn to_document(tags: Tags) -> TagSet {
    tags.into_iter().map(|(key, value)| Tag { key: Some(key), value: Some(value) }).collect()
}

fn checked(tags: Tags) -> S3Result<Tags> {
    if tags.len() > 10 {
        return Err(s3_error!(InvalidTag, "Object tags cannot be greater than 10"));
    }
    for (at, (key, value)) in tags.iter().enumerate() {
        if key.is_empty() || key.chars().count() > 128 {
            return Err(s3_error!(InvalidTag, "The TagKey you have provided is invalid"));
        }
        if value.chars().count() > 256 {
            return Err(s3_error!(InvalidTag, "The TagValue you have provided is invalid"));
        }
        if tags[..at].iter().any(|(other, _)| other == key) {
            return Err(s3_error!(InvalidTag, "Cannot provide multiple Tags with the same key"));
        }
    }
    Ok(tags)
}
