//! The data folder: who owns it, and how files in it are replaced.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use super::StartError;

/// A data folder that no other process uses while this value lives.
///
/// The lock belongs to the open file, so the system releases it however the process ends.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Creates the folder if there is none, and takes the lock.
    pub(super) fn open(path: &Path) -> Result<Self, StartError> {
        let failed = |source| StartError::Folder { folder: path.to_owned(), source };
        std::fs::create_dir_all(path).map_err(failed)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StartError::InUse { folder: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// The path of the folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A folder inside, created if there is none.
    pub(super) fn sub(&self, name: &str) -> Result<PathBuf, StartError> {
        let path = self.path.join(name);
        std::fs::create_dir_all(&path)
            .map_err(|source| StartError::Folder { folder: path.clone(), source })?;
        Ok(path)
    }
}

/// Writes a file so that a crash leaves either the old content or the new, never half of it.
pub(super) async fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    tokio::fs::write(&draft, content).await?;
    tokio::fs::rename(&draft, path).await
}

/// Removes a file; one that is not there counts as removed.
pub(super) async fn remove(path: &Path) -> io::Result<()> {
    match tokio::fs::remove_file(path).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

/// Reads a file; `None` if it is not there.
pub(super) async fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match tokio::fs::read(path).await {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The content of every `.json` file of a folder, in the order of their names.
pub(super) fn json_files(folder: &Path) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths.into_iter().map(|path| std::fs::read(&path).map(|content| (path, content))).collect()
}
