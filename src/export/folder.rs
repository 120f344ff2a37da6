//! Where an export may write: a folder of its own inside the export folder, and nowhere else.

use std::path::{Component, Path, PathBuf};

/// Why a folder is refused; says what to do.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error(
        "--out {0}: exports are written inside {1} only; name a folder there, or set [export] dir in workers.toml"
    )]
    Outside(String, PathBuf),
    #[error("[export] dir: cannot use {0}: {1}")]
    Unusable(PathBuf, std::io::Error),
}

/// The folder for `out`, made if it is missing: a name inside the export folder, or a path that leads into it.
/// Links that lead out of it are followed before they are judged.
pub fn inside(dir: &str, out: &str) -> Result<PathBuf, FolderError> {
    let dir = make(Path::new(dir))?;
    let outside = || FolderError::Outside(out.to_owned(), dir.clone());
    let wanted = Path::new(out);
    let climbs = wanted.components().any(|part| part == Component::ParentDir);
    if out.trim().is_empty() || climbs {
        return Err(outside());
    }
    let wanted = relative(&dir, wanted).ok_or_else(outside)?;
    if wanted.components().next().is_none() {
        return Err(outside());
    }
    let mut folder = dir.clone();
    for part in wanted.components() {
        folder.push(part);
        // Before anything is made below it.
        if folder.exists() && !real(&folder)?.starts_with(&dir) {
            return Err(outside());
        }
    }
    let made = make(&folder)?;
    if made.starts_with(&dir) {
        Ok(made)
    } else {
        Err(outside())
    }
}

/// The way from the export folder; `None` when the path leads elsewhere.
fn relative(dir: &Path, wanted: &Path) -> Option<PathBuf> {
    let from_here = std::path::absolute(wanted).ok()?;
    if let Ok(inside) = from_here.strip_prefix(dir) {
        return Some(inside.to_owned());
    }
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    wanted.components().all(plain).then(|| {
        wanted
            .components()
            .filter(|part| *part != Component::CurDir)
            .collect()
    })
}

fn make(path: &Path) -> Result<PathBuf, FolderError> {
    std::fs::create_dir_all(path).map_err(|error| FolderError::Unusable(path.to_owned(), error))?;
    real(path)
}

fn real(path: &Path) -> Result<PathBuf, FolderError> {
    std::fs::canonicalize(path).map_err(|error| FolderError::Unusable(path.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_inside_are_given() {
        let home = tempfile::tempdir().expect("a folder");
        let dir = home.path().join("exports");
        let ask = |out: &str| inside(dir.to_str().expect("UTF-8"), out);
        let real_dir = || std::fs::canonicalize(&dir).expect("made");
        assert_eq!(ask("july").expect("inside"), real_dir().join("july"));
        assert_eq!(ask("./a/b").expect("inside"), real_dir().join("a/b"));
        let whole = real_dir().join("july");
        assert_eq!(ask(whole.to_str().expect("UTF-8")).expect("inside"), whole);
        std::os::unix::fs::symlink(home.path(), dir.join("link")).expect("a link");
        for out in [
            "",
            " ",
            ".",
            "..",
            "../x",
            "a/../../x",
            "/tmp",
            "link",
            "link/x",
        ] {
            let error = ask(out).expect_err(out).to_string();
            assert!(error.contains("[export] dir"), "{out}: {error}");
        }
        assert!(!home.path().join("x").exists());
    }
}
