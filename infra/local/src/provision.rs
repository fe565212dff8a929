//! Makes the tables, buckets and queues of the template in the embedded services.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, StreamSpecification, StreamViewType,
};
use aws_sdk_sqs::types::QueueAttributeName;
use runtime::{Clients, QueueUrls, queues::Queue};
use serde::Deserialize;

/// The hand-written half of the template, from which the tables are made: they are described once.
pub(crate) const BASE: &str = include_str!("../../base.yaml");

/// How often a message is delivered before it is put aside.
const MAX_RECEIVES: u32 = 5;

/// Why the local resources could not be made.
#[derive(Debug, thiserror::Error)]
#[error("{what} could not be made: {reason}")]
pub struct ProvisionError {
    what: String,
    reason: String,
}

fn failed(what: &str) -> impl FnOnce(String) -> ProvisionError {
    move |reason| ProvisionError { what: what.to_owned(), reason }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Base {
    resources: HashMap<String, Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Resource {
    r#type: String,
    #[serde(default)]
    properties: Table,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Table {
    attribute_definitions: Vec<Attribute>,
    key_schema: Vec<KeyPart>,
    global_secondary_indexes: Vec<Index>,
    stream_specification: Option<Stream>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stream {
    stream_view_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    attribute_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyPart {
    attribute_name: String,
    key_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Index {
    index_name: String,
    key_schema: Vec<KeyPart>,
}

/// Makes the table that the template calls `logical_id`, unless it is there.
pub(crate) async fn table(clients: &Clients, logical_id: &str, name: &str) -> Result<(), ProvisionError> {
    let err = |reason: String| failed(name)(reason);
    let mut base: Base = serde_saphyr::from_str(BASE).map_err(|error| err(error.to_string()))?;
    let resource = base
        .resources
        .remove(logical_id)
        .filter(|resource| resource.r#type == "AWS::DynamoDB::Table")
        .ok_or_else(|| err("the template has no such table".to_owned()))?;
    let table = resource.properties;
    let part = |part: &KeyPart| {
        KeySchemaElement::builder()
            .attribute_name(&part.attribute_name)
            .key_type(KeyType::from(part.key_type.as_str()))
            .build()
            .map_err(|error| err(error.to_string()))
    };
    let mut create =
        clients.dynamodb().create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for attribute in &table.attribute_definitions {
        let definition = AttributeDefinition::builder()
            .attribute_name(&attribute.attribute_name)
            .attribute_type(ScalarAttributeType::S)
            .build()
            .map_err(|error| err(error.to_string()))?;
        create = create.attribute_definitions(definition);
    }
    for key in &table.key_schema {
        create = create.key_schema(part(key)?);
    }
    for index in &table.global_secondary_indexes {
        let keys = index.key_schema.iter().map(part).collect::<Result<Vec<_>, _>>()?;
        let index = GlobalSecondaryIndex::builder()
            .index_name(&index.index_name)
            .set_key_schema(Some(keys))
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
            .build()
            .map_err(|error| err(error.to_string()))?;
        create = create.global_secondary_indexes(index);
    }
    if let Some(stream) = &table.stream_specification {
        let view = StreamViewType::from(stream.stream_view_type.as_str());
        let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(view).build();
        create = create.stream_specification(stream.map_err(|error| err(error.to_string()))?);
    }
    match create.send().await {
        Ok(_) => Ok(()),
        Err(error) => {
            let error = error.into_service_error();
            if error.is_resource_in_use_exception() { Ok(()) } else { Err(err(error.to_string())) }
        }
    }
}

/// Makes a bucket, unless it is there.
pub(crate) async fn bucket(clients: &Clients, name: &str) -> Result<(), ProvisionError> {
    match clients.s3().create_bucket().bucket(name).send().await {
        Ok(_) => Ok(()),
        Err(error) => {
            let error = error.into_service_error();
            let is_there = error.is_bucket_already_exists() || error.is_bucket_already_owned_by_you();
            if is_there { Ok(()) } else { Err(failed(name)(error.to_string())) }
        }
    }
}

/// Makes a key of this alias, which the embedded service has by itself.
pub(crate) async fn key(clients: &Clients, alias: &str) -> Result<(), ProvisionError> {
    let err = |reason: String| failed(alias)(reason);
    let made = clients.kms().create_key().send().await.map_err(|error| err(error.to_string()))?;
    let id = made.key_metadata().map(|key| key.key_id()).unwrap_or_default();
    let named = clients.kms().create_alias().alias_name(alias).target_key_id(id).send().await;
    named.map(drop).map_err(|error| err(error.to_string()))
}

/// Makes the secrets. None is there yet: they are not kept between two runs.
pub(crate) async fn secrets(
    clients: &Clients,
    secrets: impl IntoIterator<Item = (String, String)>,
) -> Result<(), ProvisionError> {
    for (name, secret) in secrets {
        let made = clients.secrets_manager().create_secret().name(&name).secret_string(secret).send().await;
        made.map_err(|error| failed(&name)(error.to_string()))?;
    }
    Ok(())
}

/// Makes all queues with their dead-letter queues, unless they are there, and tells where they are.
pub(crate) async fn queues(clients: &Clients) -> Result<QueueUrls, ProvisionError> {
    let mut urls = QueueUrls::default();
    for queue in Queue::ALL {
        let url = queue_with_dead_letters(clients, queue).await?;
        match queue {
            Queue::Takeouts => urls.takeouts = url,
            Queue::Purges => urls.purges = url,
            Queue::Notices => urls.notices = url,
        }
    }
    Ok(urls)
}

async fn queue_with_dead_letters(clients: &Clients, queue: Queue) -> Result<String, ProvisionError> {
    let name = queue.name();
    let err = |reason: String| failed(name)(reason);
    let sqs = clients.sqs();
    let dead = sqs.create_queue().queue_name(format!("{name}-dead")).send().await;
    let dead = dead.map_err(|error| err(error.to_string()))?.queue_url.unwrap_or_default();
    let attributes =
        sqs.get_queue_attributes().queue_url(&dead).attribute_names(QueueAttributeName::QueueArn);
    let attributes = attributes.send().await.map_err(|error| err(error.to_string()))?.attributes;
    let arn = attributes.and_then(|mut all| all.remove(&QueueAttributeName::QueueArn)).unwrap_or_default();
    let redrive = serde_json::json!({"deadLetterTargetArn": arn, "maxReceiveCount": MAX_RECEIVES});
    let created = sqs
        .create_queue()
        .queue_name(name)
        .attributes(QueueAttributeName::RedrivePolicy, redrive.to_string())
        .attributes(QueueAttributeName::VisibilityTimeout, "120")
        .send()
        .await
        .map_err(|error| err(error.to_string()))?;
    Ok(created.queue_url.unwrap_or_default())
}
