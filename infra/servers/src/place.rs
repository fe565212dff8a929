//! Places: a port and the folder of that name, for one server at a time.
//!
//! A place's log is also its lock. It is open in the process that took the place, in the shell that watches
//! the server and in the server, so nobody takes a place before all of them have ended, however they ended.
//! What they left there goes when the place is next taken, and the first free one is taken first.

use std::{
    env,
    fs::{self, File, OpenOptions, Permissions, TryLockError},
    io::{self, ErrorKind},
    net::{Ipv4Addr, TcpListener},
    ops::Range,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::{error::ServerError, tools::uid};

/// Below those that the kernel gives to clients, which could otherwise have the port of a stopped server.
const PORTS: Range<u16> = 21_000..22_000;

/// The machine's file system in memory.
const MEMORY: &str = "/dev/shm";
/// The least size of it to use it, in KiB. A container's is far smaller as a rule.
const ROOMY: u64 = 2 << 20;

/// Where the places and templates are. Not in the target folder, which may be closed to a server's account.
pub(crate) fn root() -> Result<PathBuf, ServerError> {
    let me = uid()?;
    let root = home().join(format!("lethe-servers-{me}"));
    open_folder(&root)?;
    // Anybody may have been here first.
    let found = fs::symlink_metadata(&root).map_err(ServerError::io("reading", &root))?;
    if found.is_dir() && found.uid() == me {
        Ok(root)
    } else {
        Err(ServerError::NotOurs { folder: root.display().to_string() })
    }
}

/// In memory if there is room and `TMPDIR` does not say otherwise: a server is a thousand files, and some file
/// systems take half a second to make them.
fn home() -> PathBuf {
    let mounts = || fs::read_to_string("/proc/mounts").unwrap_or_default();
    match env::var_os("TMPDIR") {
        None if mounts().lines().any(is_roomy_memory) => PathBuf::from(MEMORY),
        None | Some(_) => env::temp_dir(),
    }
}

/// Whether a line of the mount table is a file system in memory with room for servers.
fn is_roomy_memory(mount: &str) -> bool {
    let mut fields = mount.split(' ').skip(1);
    let (Some(at), Some(kind), Some(options)) = (fields.next(), fields.next(), fields.next()) else {
        return false;
    };
    let size = |option: &str| option.strip_prefix("size=")?.strip_suffix('k')?.parse().ok();
    // Without a size it is half of the memory.
    let roomy = options.split(',').find_map(size).is_none_or(|size: u64| size >= ROOMY);
    at == MEMORY && kind == "tmpfs" && roomy
}

/// Makes a folder that servers can look into, if there is none.
pub(crate) fn open_folder(path: &Path) -> Result<(), ServerError> {
    match fs::create_dir(path) {
        // Whatever the umask is.
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(0o755)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
    .map_err(ServerError::io("making", path))
}

/// Removes a folder with all it holds, if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), ServerError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(ServerError::io("removing", path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A place that is ours. Its data go with it; the log stays for those who look for a reason.
pub(crate) struct Place {
    port: u16,
    folder: PathBuf,
    log: File,
}

impl Place {
    /// Takes the first free place.
    pub(crate) fn take(root: &Path) -> Result<Self, ServerError> {
        for port in PORTS {
            let folder = root.join(port.to_string());
            open_folder(&folder)?;
            let path = folder.join("log");
            let opened = OpenOptions::new().create(true).append(true).open(&path);
            let log = opened.map_err(ServerError::io("opening", &path))?;
            match log.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(error)) => return Err(ServerError::io("locking", &path)(error)),
            }
            if free(port) {
                log.set_len(0).map_err(ServerError::io("emptying", &path))?;
                let place = Self { port, folder, log };
                remove(&place.data())?;
                return Ok(place);
            }
        }
        Err(ServerError::NoPort)
    }

    /// The port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The folder of the data.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The log.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// The log and lock, for another process to hold.
    pub(crate) fn share_log(&self) -> io::Result<File> {
        self.log.try_clone()
    }

    /// Whether nobody listens at the port.
    pub(crate) fn is_free(&self) -> bool {
        free(self.port)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Whatever remains goes when the place is next taken.
        let _ = remove(&self.data());
    }
}

fn free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_if_there_is_enough() {
        assert!(is_roomy_memory("tmpfs /dev/shm tmpfs rw,nosuid,nodev 0 0"));
        assert!(is_roomy_memory("tmpfs /dev/shm tmpfs rw,relatime,size=24682416k 0 0"));
    }

    #[test]
    fn a_container_s_memory_is_too_small() {
        assert!(!is_roomy_memory("shm /dev/shm tmpfs rw,nosuid,nodev,noexec,relatime,size=65536k 0 0"));
    }

    #[test]
    fn other_mounts_are_not_it() {
        assert!(!is_roomy_memory("tmpfs /run tmpfs rw,nosuid,nodev 0 0"));
        assert!(!is_roomy_memory("/dev/vda / ext4 rw,relatime 0 0"));
        assert!(!is_roomy_memory("/dev/vda /dev/shm ext4 rw,relatime 0 0"));
        assert!(!is_roomy_memory(""));
    }
}
