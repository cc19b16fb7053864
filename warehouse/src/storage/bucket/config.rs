//! `storage.toml`: in which bucket an installation keeps its tables.
//!
//! ```toml
//! url = "s3://oslo-outreach/skjerm"
//! endpoint = "https://s3.example.org"   # unless it is Amazon's
//! region = "eu-north-1"
//! allow_http = false                    # true for a server without TLS
//! ```
//!
//! Credentials are never in it: they come from `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, where there is one,
//! `AWS_SESSION_TOKEN`.

use std::env;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use crate::Installation;

/// Where tables are kept that are not in the installation's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// `s3://BUCKET/PREFIX`; the prefix may be empty.
    url: String,
    /// The server's URL; Amazon's own where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) endpoint: Option<String>,
    /// The region; needed for Amazon's own, elsewhere `us-east-1` unless it is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    /// Whether a server without TLS will do.
    #[serde(default)]
    pub(super) allow_http: bool,
}

/// Why tables cannot be kept where somebody said.
#[derive(Debug, Error)]
pub enum StorageError {
    /// The file cannot be read or written.
    #[error("cannot use {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not as it should be.
    #[error("{path}, line {line}: {what}")]
    Form {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// A value that cannot be.
    #[error("{0}")]
    Value(String),
    /// There are no credentials.
    #[error(
        "the tables are in a bucket, and {0} is not set: put the credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )]
    NoCredentials(&'static str),
    /// The installation keeps its tables elsewhere already.
    #[error("this installation keeps its tables {0} already; load the deliveries into a new installation")]
    Elsewhere(&'static str),
    /// Tables of another installation are there. With other keys, one human would become two units.
    #[error("{0} holds the tables of an installation already; name another prefix")]
    Taken(String),
}

impl Storage {
    /// Tables in the bucket of this URL.
    pub fn new(
        url: &str,
        endpoint: Option<&str>,
        region: Option<&str>,
        allow_http: bool,
    ) -> Result<Self, StorageError> {
        let storage = Self {
            url: url.trim_end_matches('/').to_owned(),
            endpoint: endpoint.map(str::to_owned),
            region: region.map(str::to_owned),
            allow_http,
        };
        storage.check().map_err(|(_, what)| StorageError::Value(what))?;
        Ok(storage)
    }

    /// What an installation's file says; nothing where there is none.
    pub(crate) fn of(installation: &Installation) -> Result<Option<Self>, StorageError> {
        let path = installation.storage_path();
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&path, &text).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StorageError::Io { path, source }),
        }
    }

    fn parse(path: &Path, text: &str) -> Result<Self, StorageError> {
        let wrong = |at: usize, what: String| {
            let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
            StorageError::Form { path: path.to_owned(), line, what }
        };
        let mut storage: Self = toml::from_str(text).map_err(|error| {
            wrong(error.span().map_or(0, |span| span.start), error.message().trim().to_owned())
        })?;
        storage.url.truncate(storage.url.trim_end_matches('/').len());
        let at = |field: &str| {
            let begins = |line: &str| line.trim_start().starts_with(field);
            text.split_inclusive('\n').take_while(|line| !begins(line)).map(str::len).sum()
        };
        storage.check().map_err(|(field, what)| wrong(at(field), what))?;
        Ok(storage)
    }

    /// The field that is wrong, and how.
    fn check(&self) -> Result<(), (&'static str, String)> {
        let url = Url::parse(&self.url).ok().filter(|url| is_plain(url) && url.scheme() == "s3");
        let named = url.is_some_and(|url| url.host_str().is_some_and(|bucket| !bucket.is_empty()));
        if !named || self.prefix().split('/').any(|part| part == "." || part == "..") {
            return Err((
                "url",
                "url must be s3://BUCKET or s3://BUCKET/PREFIX, and nothing else".to_owned(),
            ));
        }
        if !self.prefix().is_empty() && self.prefix().split('/').any(str::is_empty) {
            return Err(("url", "the prefix in url has an empty part".to_owned()));
        }
        let Some(endpoint) = &self.endpoint else {
            return match &self.region {
                Some(_) => Ok(()),
                None => Err(("url", "region is missing, and without an endpoint it must be said".to_owned())),
            };
        };
        let scheme = Url::parse(endpoint).ok().filter(is_plain).map(|url| url.scheme().to_owned());
        match scheme.as_deref() {
            Some("https") => Ok(()),
            Some("http") if self.allow_http => Ok(()),
            Some("http") => Err((
                "endpoint",
                "endpoint has no TLS, so that rows and credentials could be overheard; use https, or say allow_http = true for a server on this machine".to_owned(),
            )),
            _ => Err(("endpoint", "endpoint must be https://HOST or https://HOST:PORT".to_owned())),
        }
    }

    /// The same as text, for the installation's file.
    pub(crate) fn to_text(&self) -> Result<String, StorageError> {
        toml::to_string(self).map_err(|error| StorageError::Value(error.to_string()))
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn bucket(&self) -> &str {
        self.parts().0
    }

    pub(crate) fn prefix(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        let below = self.url.strip_prefix("s3://").unwrap_or_default();
        below.split_once('/').unwrap_or((below, ""))
    }

    pub(super) fn region(&self) -> &str {
        self.region.as_deref().unwrap_or("us-east-1")
    }

    pub(super) fn server(&self) -> String {
        let amazon = || format!("Amazon S3 in {}", self.region());
        self.endpoint.as_ref().map_or_else(amazon, |endpoint| format!("the server {endpoint}"))
    }
}

/// Nothing in a URL that could be a secret or mean something else than a place.
fn is_plain(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none()
}

/// Who talks to the server. Never shown: by nobody who shows a store, either.
pub(crate) struct Credentials(Arc<AwsCredential>);

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl CredentialProvider for Credentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        Ok(self.0.clone())
    }
}

impl Credentials {
    pub(crate) fn of_environment() -> Result<Self, StorageError> {
        let of = |name: &'static str| {
            env::var(name).ok().filter(|value| !value.is_empty()).ok_or(StorageError::NoCredentials(name))
        };
        let token = of("AWS_SESSION_TOKEN").ok();
        Ok(Self::new(of("AWS_ACCESS_KEY_ID")?, of("AWS_SECRET_ACCESS_KEY")?, token))
    }

    pub(crate) fn new(key_id: String, secret_key: String, token: Option<String>) -> Self {
        Self(Arc::new(AwsCredential { key_id, secret_key, token }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        Storage::parse(Path::new("storage.toml"), text).expect_err("not as it should be").to_string()
    }

    #[test]
    fn a_file_says_bucket_prefix_and_server() {
        let text = "url = \"s3://oslo/a/b/\"\nendpoint = \"http://127.0.0.1:9000\"\nallow_http = true\n";
        let storage = Storage::parse(Path::new("storage.toml"), text).expect("a storage");
        assert_eq!((storage.bucket(), storage.prefix(), storage.region()), ("oslo", "a/b", "us-east-1"));
        let again =
            Storage::parse(Path::new("storage.toml"), &storage.to_text().expect("text")).expect("a storage");
        assert_eq!(again, storage);
    }

    #[test]
    fn each_mistake_is_a_sentence_with_its_line() {
        let cases = [
            ("url = \"s3://oslo\"\nregion = \"r\"\nsecret = \"x\"\n", 3, "unknown field `secret`"),
            ("# ours\nurl = 7\n", 2, "expected a string"),
            ("region = \"r\"\n", 1, "missing field `url`"),
            ("region = \"r\"\nurl = \"gs://oslo\"\n", 2, "must be s3://"),
            ("region = \"r\"\nurl = \"s3://me:pass@oslo/x\"\n", 2, "must be s3://"),
            ("url = \"s3://oslo/a//b\"\nregion = \"r\"\n", 1, "empty part"),
            ("url = \"s3://oslo\"\n", 1, "region is missing"),
            ("url = \"s3://oslo\"\n\nendpoint = \"http://s3.example.org\"\n", 3, "no TLS"),
            ("url = \"s3://oslo\"\nendpoint = \"s3.example.org\"\n", 2, "https://HOST"),
        ];
        for (text, line, what) in cases {
            let said = wrong(text);
            assert!(
                said.starts_with(&format!("storage.toml, line {line}: ")) && said.contains(what),
                "{said}"
            );
            assert!(!said.contains("pass"), "{said}");
        }
    }
}
