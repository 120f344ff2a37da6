//! Files below the paths given, in the order of their names.

use super::report::FileReport;
use std::path::{Path, PathBuf};

/// A file to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub path: PathBuf,
    pub bytes: u64,
}

/// Folders deeper than this are not market data but a loop.
const DEPTH_MAX: usize = 32;

/// Every file of the paths, folders recursively (links and hidden entries inside folders are left
/// out); what cannot be read is a failed report of its own.
pub(super) fn walk(paths: &[PathBuf]) -> (Vec<Found>, Vec<FileReport>) {
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    for path in paths {
        if let Err(error) = visit(path, 0, &mut found) {
            failed.push(FileReport::failed(
                path.display().to_string(),
                error.to_string(),
            ));
        }
    }
    found.dedup();
    (found, failed)
}

fn visit(path: &Path, depth: usize, found: &mut Vec<Found>) -> std::io::Result<()> {
    let about = std::fs::metadata(path)?;
    if about.is_file() {
        found.push(Found {
            path: path.to_owned(),
            bytes: about.len(),
        });
        return Ok(());
    }
    if !about.is_dir() || depth == DEPTH_MAX {
        return Ok(());
    }
    let entries: Result<Vec<_>, _> = std::fs::read_dir(path)?.collect();
    let mut entries = entries?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !hidden && !entry.file_type()?.is_symlink() {
            visit(&entry.path(), depth + 1, found)?;
        }
    }
    Ok(())
}
