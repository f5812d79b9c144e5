//! Files and directories that only this program's user may read: addresses of people lie in them.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// How a file is opened that nobody else may read, should it be made now.
pub fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Opens a file for writing, made anew or emptied.
///
/// # Errors
/// Fails when it can't be opened.
pub fn create(path: &Path) -> io::Result<File> {
    options().write(true).create(true).truncate(true).open(path)
}

/// Makes a directory, and those above it; one that is there stays as it is.
///
/// # Errors
/// Fails when it can't be made.
pub fn create_dir(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes a directory, and closes one that is there to everybody else. A directory of another owner,
/// who let this program write in it, stays as that owner wants it.
///
/// # Errors
/// Fails when it can't be made or closed.
pub fn take_dir(path: &Path) -> io::Result<()> {
    create_dir(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        match std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            outcome => outcome?,
        }
    }
    Ok(())
}
