//! The outbox: every mail that was sent, in order, in memory and in the data folder.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::eml;
use crate::services::{Clock, StartError, folder, folder::Folder};

/// A mail as its reader would see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// What SES answered as the message id; in the order of sending.
    pub id: String,
    /// When it was sent.
    pub at: DateTime<Utc>,
    /// The sender.
    pub from: String,
    /// All who get it, copies included.
    pub to: Vec<String>,
    /// The subject.
    pub subject: String,
    /// The plain text; of a raw mail everything after its headers.
    pub text: Option<String>,
    /// The page.
    pub html: Option<String>,
}

/// All mails sent so far. Clones show the same mails.
#[derive(Clone)]
pub struct Outbox {
    shared: Arc<Shared>,
}

struct Shared {
    mails: Mutex<BTreeMap<String, Entry>>,
    count: watch::Sender<usize>,
    folder: Option<PathBuf>,
    clock: Clock,
}

struct Entry {
    mail: Mail,
    eml: Bytes,
}

impl Outbox {
    /// An outbox with the mails of the folder, or an empty one in memory.
    pub(in crate::services) fn open(folder: Option<&Folder>, clock: Clock) -> Result<Self, StartError> {
        let folder = folder.map(|folder| folder.sub("mail")).transpose()?;
        let mut mails = BTreeMap::new();
        if let Some(folder) = &folder {
            let failed = |source| StartError::Folder { folder: folder.clone(), source };
            for (path, content) in folder::json_files(folder).map_err(failed)? {
                let mail: Mail = serde_json::from_slice(&content)
                    .map_err(|error| StartError::Damaged { file: path.clone(), reason: error.to_string() })?;
                let eml = std::fs::read(path.with_extension("eml")).map_err(failed)?.into();
                mails.insert(mail.id.clone(), Entry { mail, eml });
            }
        }
        let count = watch::Sender::new(mails.len());
        Ok(Self { shared: Arc::new(Shared { mails: Mutex::new(mails), count, folder, clock }) })
    }

    /// All mails, oldest first.
    pub fn all(&self) -> Vec<Mail> {
        self.mails().values().map(|entry| entry.mail.clone()).collect()
    }

    /// The mails somebody got, oldest first.
    pub fn to(&self, address: &str) -> Vec<Mail> {
        let mut mails = self.all();
        mails.retain(|mail| mail.to.iter().any(|to| to == address));
        mails
    }

    /// One mail.
    pub fn get(&self, id: &str) -> Option<Mail> {
        self.mails().get(id).map(|entry| entry.mail.clone())
    }

    /// One mail in the format mail programs read.
    pub fn eml(&self, id: &str) -> Option<Bytes> {
        self.mails().get(id).map(|entry| entry.eml.clone())
    }

    /// How many mails there are, to wait for the next: `outbox.count().wait_for(|n| *n > 2)`.
    pub fn count(&self) -> watch::Receiver<usize> {
        self.shared.count.subscribe()
    }

    /// Takes a mail made of its parts, and says its id.
    pub(super) async fn put(
        &self,
        from: String,
        to: Vec<String>,
        subject: String,
        text: Option<String>,
        html: Option<String>,
    ) -> io::Result<String> {
        let at = (self.shared.clock)();
        let mail = Mail { id: String::new(), at, from, to, subject, text, html };
        self.keep(mail, None).await
    }

    /// Takes a finished mail. The addresses of the call win over those in its headers, as on AWS.
    pub(super) async fn put_raw(
        &self,
        from: Option<String>,
        to: Vec<String>,
        raw: Vec<u8>,
    ) -> io::Result<String> {
        let at = (self.shared.clock)();
        let read = eml::read(&String::from_utf8_lossy(&raw));
        let mail = Mail {
            id: String::new(),
            at,
            from: from.unwrap_or(read.from),
            to: if to.is_empty() { read.to } else { to },
            subject: read.subject,
            text: Some(read.body),
            html: None,
        };
        self.keep(mail, Some(raw)).await
    }

    async fn keep(&self, mut mail: Mail, raw: Option<Vec<u8>>) -> io::Result<String> {
        let (id, eml) = {
            let mut mails = self.mails();
            let last = mails.last_key_value().and_then(|(id, _)| id.parse::<u32>().ok());
            // Of fixed width, so that the order of names is the order of sending.
            mail.id = format!("{:06}", last.unwrap_or_default() + 1);
            let eml = Bytes::from(raw.unwrap_or_else(|| eml::write(&mail).into_bytes()));
            mails.insert(mail.id.clone(), Entry { mail: mail.clone(), eml: eml.clone() });
            (mail.id.clone(), eml)
        };
        if let Some(folder) = &self.shared.folder {
            // The JSON last: at start it is what says that there is a mail.
            folder::replace(&folder.join(format!("{id}.eml")), &eml).await?;
            let json = serde_json::to_vec_pretty(&mail)?;
            folder::replace(&folder.join(format!("{id}.json")), &json).await?;
        }
        self.shared.count.send_replace(self.mails().len());
        Ok(id)
    }

    fn mails(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        // A panic elsewhere cannot leave a map half changed.
        self.shared.mails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
