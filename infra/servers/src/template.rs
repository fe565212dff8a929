//! Templates: a data folder as its makers' programs make it, once per version, for every server to copy.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    error::ServerError,
    place::{Place, open_folder, remove},
    product::Product,
    tools::{Tools, run},
};

/// Raised whenever templates are made in another way.
const RECIPE: u32 = 1;

/// A data folder and the password of its owner.
pub(crate) struct Template {
    folder: PathBuf,
    pub(crate) password: String,
}

impl Template {
    /// The template of a product; makes it if this version of its program has none.
    pub(crate) fn of(product: &dyn Product, tools: &Tools, root: &Path) -> Result<Self, ServerError> {
        let folder = root.join(name(product, tools)?);
        if let Some(template) = Self::open(&folder) {
            return Ok(template);
        }

        let path = folder.with_extension("lock");
        let lock = File::create(&path).map_err(ServerError::io("making", &path))?;
        lock.lock().map_err(ServerError::io("locking", &path))?;
        // Somebody may have been quicker.
        if let Some(template) = Self::open(&folder) {
            return Ok(template);
        }
        let draft = folder.with_extension("draft");
        let password = make(product, tools, &draft)?;
        remove(&folder)?;
        fs::rename(&draft, &folder).map_err(ServerError::io("naming", &folder))?;
        Ok(Self { folder, password })
    }

    fn open(folder: &Path) -> Option<Self> {
        let password = fs::read_to_string(folder.join("secret")).ok()?;
        Some(Self { folder: folder.to_owned(), password })
    }

    /// Copies the data to where a server can work on them, at no cost where the file system can share them.
    pub(crate) fn copy_to(&self, place: &Place) -> Result<(), ServerError> {
        let mut copy = Command::new("cp");
        copy.args(["--archive", "--reflink=auto"]).arg(self.folder.join("data")).arg(place.data());
        run(&mut copy, "").map(drop)
    }
}

/// Names the program by its file, which is another after an upgrade. Asking it takes longer than a copy.
fn name(product: &dyn Product, tools: &Tools) -> Result<String, ServerError> {
    let server = tools.server();
    let file = fs::metadata(server).map_err(ServerError::io("reading", server))?;
    let (program, size, changed) = (product.program(), file.len(), file.mtime());
    Ok(format!("{program}-{size}-{changed}-{}-{RECIPE}", tools.runs_as()?))
}

/// Makes a template, and returns its password.
fn make(product: &dyn Product, tools: &Tools, draft: &Path) -> Result<String, ServerError> {
    remove(draft)?;
    open_folder(draft)?;
    let data = draft.join("data");
    fs::create_dir(&data).map_err(ServerError::io("making", &data))?;
    fs::set_permissions(&data, Permissions::from_mode(0o700)).map_err(ServerError::io("closing", &data))?;
    tools.give(&data)?;
    let (password, secret) = (random()?, draft.join("secret"));
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&secret)
        .and_then(|mut file| file.write_all(password.as_bytes()))
        .map_err(ServerError::io("writing", &secret))?;
    tools.give(&secret)?;
    product.init(tools, &data, &password, &secret)?;
    Ok(password)
}

/// 128 bits nobody can guess: others on this machine reach the port.
fn random() -> Result<String, ServerError> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0; 16];
    File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(ServerError::io("reading", source))?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}
