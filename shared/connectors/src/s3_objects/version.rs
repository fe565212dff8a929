//! One version of an object, or a delete marker, as the store lists it.

use std::sync::Arc;

use aws_sdk_s3::primitives::DateTimeFormat;
use aws_sdk_s3::types::{DeleteMarkerEntry, Object, ObjectIdentifier, ObjectVersion};
use domain::row::{Row, Value};

use crate::store::Found;

/// What can be said about a version, besides whose it is.
pub(super) const FIELDS: [&str; 8] =
    ["key", "size", "last_modified", "etag", "content", "version_id", "is_latest", "delete_marker"];

/// A version in a listing.
#[derive(Clone)]
pub(super) struct Version {
    pub(super) key: String,
    /// None where the store knows no versions.
    id: Option<String>,
    is_latest: bool,
    pub(super) is_marker: bool,
    size: i64,
    etag: Option<String>,
    last_modified: Option<String>,
}

impl Version {
    /// A version of an object; none if the store leaves out its key.
    pub(super) fn of_object(version: ObjectVersion) -> Option<Self> {
        Some(Self {
            last_modified: time(version.last_modified()),
            key: version.key?,
            id: version.version_id,
            is_latest: version.is_latest.unwrap_or_default(),
            is_marker: false,
            size: version.size.unwrap_or_default(),
            etag: version.e_tag,
        })
    }

    /// A delete marker, which holds nothing but hides older versions.
    pub(super) fn of_marker(marker: DeleteMarkerEntry) -> Option<Self> {
        Some(Self {
            last_modified: time(marker.last_modified()),
            key: marker.key?,
            id: marker.version_id,
            is_latest: marker.is_latest.unwrap_or_default(),
            is_marker: true,
            size: 0,
            etag: None,
        })
    }

    /// An object of a store without versions.
    pub(super) fn only(object: Object) -> Option<Self> {
        Some(Self {
            last_modified: time(object.last_modified()),
            key: object.key?,
            id: None,
            is_latest: true,
            is_marker: false,
            size: object.size.unwrap_or_default(),
            etag: object.e_tag,
        })
    }

    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// As a row with the fields `want`; `owner` is the field that tells whose it is.
    pub(super) fn found(self, (owner, whose): (&str, &Value), want: &[Arc<str>]) -> Found {
        let Self { key, id, is_latest, is_marker, size, etag, last_modified } = self;
        let row: Row = want
            .iter()
            .filter_map(|field| {
                let value = match &**field {
                    name if name == owner => Some(whose.clone()),
                    "key" => Some(Value::from(key.as_str())),
                    "size" if !is_marker => Some(Value::Int(size)),
                    "etag" => etag.as_deref().map(Value::from),
                    "last_modified" => last_modified.as_deref().map(Value::from),
                    "version_id" => id.as_deref().map(Value::from),
                    "is_latest" => Some(Value::Bool(is_latest)),
                    "delete_marker" => Some(Value::Bool(is_marker)),
                    _ => None,
                };
                Some((field.clone(), value?))
            })
            .collect();
        let id = id.map_or(Value::Null, Value::Text);
        Found {
            key: vec![Value::Text(key), id, Value::Int(size), Value::Bool(is_latest), Value::Bool(is_marker)],
            row,
        }
    }
}

/// What the key of a found row says: enough to read and delete it, whatever fields were asked for.
pub(super) struct Handle<'f> {
    pub(super) key: &'f str,
    pub(super) id: Option<&'f str>,
    pub(super) size: i64,
    pub(super) is_latest: bool,
    pub(super) is_marker: bool,
}

impl<'f> Handle<'f> {
    pub(super) fn of(found: &'f Found) -> Option<Self> {
        let [Value::Text(key), id, Value::Int(size), Value::Bool(is_latest), Value::Bool(is_marker)] =
            found.key.as_slice()
        else {
            return None;
        };
        let id = match id {
            Value::Text(id) => Some(id.as_str()),
            _ => None,
        };
        Some(Self { key, id, size: *size, is_latest: *is_latest, is_marker: *is_marker })
    }

    pub(super) fn identifier(&self) -> Option<ObjectIdentifier> {
        let id = self.id.map(str::to_owned);
        ObjectIdentifier::builder().key(self.key).set_version_id(id).build().ok()
    }
}

fn time(time: Option<&aws_sdk_s3::primitives::DateTime>) -> Option<String> {
    time?.fmt(DateTimeFormat::DateTime).ok()
}
