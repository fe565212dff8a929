//! Values that CloudFormation works out when it deploys.

use serde::Serialize;

/// A value that CloudFormation works out, in the long form that every YAML reader can read.
#[derive(Clone, Debug, Serialize)]
pub(crate) enum Intrinsic {
    /// A parameter's value, or the name of a resource.
    Ref(String),
    /// An attribute of a resource.
    #[serde(rename = "Fn::GetAtt")]
    GetAtt(String, &'static str),
    /// A text with names in it.
    #[serde(rename = "Fn::Sub")]
    Sub(String),
    /// Depends on a condition.
    #[serde(rename = "Fn::If")]
    If(&'static str, Box<Value>, Box<Value>),
}

/// A text, given or worked out.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Value {
    Text(&'static str),
    Intrinsic(Intrinsic),
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(text)
    }
}

impl From<Intrinsic> for Value {
    fn from(intrinsic: Intrinsic) -> Self {
        Self::Intrinsic(intrinsic)
    }
}

impl Intrinsic {
    /// What `name` stands for.
    pub(crate) fn of(name: impl Into<String>) -> Self {
        Self::Ref(name.into())
    }

    /// The ARN of a resource.
    pub(crate) fn arn(resource: impl Into<String>) -> Self {
        Self::GetAtt(resource.into(), "Arn")
    }

    /// `value` where the company has connected its stores, and nothing at all elsewhere.
    pub(crate) fn with_stores(value: impl Into<Value>) -> Self {
        let nothing = Self::of("AWS::NoValue");
        Self::If("HasStores", Box::new(value.into()), Box::new(nothing.into()))
    }
}
