//! What AWS asks for: US dollars in `us-east-1`, on demand, beyond all free tiers, as published in
//! November 2026. Regions of the European Union ask for 5 to 20 % more; the counts are the same.
//!
//! | what | unit | page of the price list |
//! |---|---|---|
//! | DynamoDB | a read or write request unit | DynamoDB, on-demand capacity |
//! | SQS | a request of up to 64 KB | SQS, standard queues |
//! | S3 | a request | S3 Standard |
//! | KMS | a request to a symmetric key; a key a month | KMS |
//! | Lambda | a call; a GB-second on arm64 | Lambda |
//! | API Gateway | a request to an HTTP API | API Gateway |
//! | CloudWatch | a byte of logs taken in; an alarm, a dashboard a month | CloudWatch |
//! | SES | a mail | SES |
//! | EventBridge Scheduler | an invocation | EventBridge |

/// A DynamoDB read request unit.
pub const READ_UNIT: f64 = 0.125e-6;
/// A DynamoDB write request unit.
pub const WRITE_UNIT: f64 = 0.625e-6;
/// An S3 request that puts, copies or lists.
pub const S3_PUT: f64 = 5e-6;
/// An S3 request that reads.
pub const S3_GET: f64 = 0.4e-6;
/// An SQS request.
pub const SQS: f64 = 0.4e-6;
/// A KMS request to a symmetric key.
pub const KMS: f64 = 3e-6;
/// A mail.
pub const MAIL: f64 = 100e-6;
/// A request to an HTTP API.
pub const GATEWAY: f64 = 1e-6;
/// A call of a Lambda function.
pub const LAMBDA_CALL: f64 = 0.2e-6;
/// A GB-second of a Lambda function on arm64.
pub const LAMBDA_GB_SECOND: f64 = 13.3334e-6;
/// A byte of logs.
pub const LOG_BYTE: f64 = 0.5e-9;
/// An invocation by EventBridge Scheduler.
pub const SCHEDULE: f64 = 1e-6;
/// A month of a KMS key.
pub const KMS_KEY: f64 = 1.0;
/// A month of a secret in Secrets Manager.
pub const SECRET: f64 = 0.40;
/// A month of an alarm.
pub const ALARM: f64 = 0.10;
/// A month of a dashboard. The first three of an account are free.
pub const DASHBOARD: f64 = 3.0;
