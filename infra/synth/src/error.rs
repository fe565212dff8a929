//! Why nothing could be generated.

/// Why nothing could be generated.
#[derive(Debug, thiserror::Error)]
pub enum SynthError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// `base.yaml` does not end in its resources, so that nothing can be added to them.
    #[error("infra/base.yaml: the last section must be `Resources`")]
    ResourcesNotLast,
    /// The README has one of the two marks, or they stand the wrong way round.
    #[error("README.md: `<!-- endpoints -->` must be followed by `<!-- /endpoints -->`")]
    UnclosedBlock,
    /// The template cannot be read, so that nothing can be told from it.
    #[error("the template cannot be read: {0}")]
    Template(#[from] serde_saphyr::Error),
    /// The tokens of the sample events cannot be signed.
    #[error("the tokens of the sample events cannot be signed")]
    Token,
    /// A resource cannot be written as YAML.
    #[error("the resource cannot be written: {0}")]
    Yaml(#[from] serde_saphyr::ser::Error),
}
