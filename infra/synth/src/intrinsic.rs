//! Values that CloudFormation works out when it deploys.

use serde::{Serialize, Serializer};
use serde_saphyr::FlowMap;

/// A value that CloudFormation works out, on one line, in the long form that every YAML reader can
/// read.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Intrinsic(FlowMap<Form>);

#[derive(Clone, Debug)]
enum Form {
    Text(&'static str),
    Ref(String),
    GetAtt(String, &'static str),
    Sub(String),
    /// The value where the condition holds, and nothing at all elsewhere.
    Where(String, Box<Form>),
}

/// Something that is only there where a parameter is given.
#[derive(Debug, Serialize)]
pub(crate) struct Given<T> {
    #[serde(rename = "Fn::If")]
    choice: (String, T, Intrinsic),
}

impl<T> Given<T> {
    /// `value` where `parameter` is given, and nothing at all elsewhere.
    pub(crate) fn by(parameter: &str, value: T) -> Self {
        Self { choice: (condition(parameter), value, Intrinsic::of(NOTHING)) }
    }
}

/// What stands for nothing at all.
const NOTHING: &str = "AWS::NoValue";

/// The condition, in `base.yaml`, that a parameter is given.
fn condition(parameter: &str) -> String {
    format!("Has{parameter}")
}

impl Serialize for Form {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // By hand, because the writer does not take a derived enum for a mapping that fits on a line.
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Ref(name) => serializer.collect_map([("Ref", name)]),
            Self::GetAtt(resource, attribute) => {
                serializer.collect_map([("Fn::GetAtt", (resource, attribute))])
            }
            Self::Sub(text) => serializer.collect_map([("Fn::Sub", text)]),
            Self::Where(condition, value) => {
                let nothing = Self::Ref(NOTHING.to_owned());
                serializer.collect_map([("Fn::If", (condition, value, nothing))])
            }
        }
    }
}

impl Intrinsic {
    /// The value of a parameter, or the name of a resource.
    pub(crate) fn of(name: impl Into<String>) -> Self {
        Self(FlowMap(Form::Ref(name.into())))
    }

    /// The ARN of a resource.
    pub(crate) fn arn(resource: impl Into<String>) -> Self {
        Self(FlowMap(Form::GetAtt(resource.into(), "Arn")))
    }

    /// Something else about a resource.
    pub(crate) fn attribute(resource: &str, attribute: &'static str) -> Self {
        Self(FlowMap(Form::GetAtt(resource.to_owned(), attribute)))
    }

    /// A text that stays as it is.
    pub(crate) fn text(text: &'static str) -> Self {
        Self(FlowMap(Form::Text(text)))
    }

    /// A text with names in it.
    pub(crate) fn sub(text: impl Into<String>) -> Self {
        Self(FlowMap(Form::Sub(text.into())))
    }

    /// The value of a parameter where it is given, and nothing at all elsewhere.
    pub(crate) fn if_given(parameter: &str) -> Self {
        Self::given(parameter, Form::Ref(parameter.to_owned()))
    }

    /// The name of a resource where a parameter is given, and nothing at all elsewhere.
    pub(crate) fn resource_if_given(parameter: &str, resource: &str) -> Self {
        Self::given(parameter, Form::Ref(resource.to_owned()))
    }

    /// A text where a parameter is given, and nothing at all elsewhere.
    pub(crate) fn text_if_given(parameter: &str, text: &'static str) -> Self {
        Self::given(parameter, Form::Text(text))
    }

    fn given(parameter: &str, value: Form) -> Self {
        Self(FlowMap(Form::Where(condition(parameter), Box::new(value))))
    }
}
