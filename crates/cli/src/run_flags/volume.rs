//! `--volume [SOURCE:]PATH[:OPTIONS]`.

use std::path::{Component, Path, PathBuf};

/// What is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Volume {
    /// A new volume without a name at this path.
    Anonymous(String),
    /// A named volume or a folder of the host: `source:path[:options]`, the folder absolute.
    Bind(String),
}

/// Reads one value of `--volume`. A source that begins with a dot is a folder below `current`.
pub fn parse_volume(text: &str, current: &Path) -> Result<Volume, String> {
    let (drive, rest) = match text.as_bytes() {
        // A drive of Windows: its colon separates nothing.
        [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic() => text.split_at(2),
        _ => ("", text),
    };
    let parts: Vec<&str> = rest.split(':').collect();
    let (source, path, options) = match parts[..] {
        [path] if drive.is_empty() => return Ok(Volume::Anonymous(absolute_in_container(path)?)),
        [source, path] => (source, path, None),
        [source, path, options] => (source, path, Some(options)),
        _ => return Err("write it as [SOURCE:]PATH[:OPTIONS]".to_owned()),
    };
    if source.is_empty() && drive.is_empty() {
        return Err("the source is empty".to_owned());
    }
    if options.is_some_and(str::is_empty) {
        return Err("the options are empty".to_owned());
    }
    let path = absolute_in_container(path)?;
    let source = match source {
        relative if relative.starts_with('.') => below(current, relative)?,
        other => format!("{drive}{other}"),
    };
    let mut bind = format!("{source}:{path}");
    if let Some(options) = options {
        bind.push(':');
        bind.push_str(options);
    }
    Ok(Volume::Bind(bind))
}

fn absolute_in_container(path: &str) -> Result<String, String> {
    if path.starts_with('/') && path != "/" {
        Ok(path.to_owned())
    } else {
        Err(format!(
            "{path:?} is no path in a container: it must be absolute and not /"
        ))
    }
}

/// The absolute path without `.` and `..`, as the engine wants it.
pub fn below(current: &Path, relative: &str) -> Result<String, String> {
    let mut path = PathBuf::new();
    for component in current.join(relative).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                path.pop();
            }
            other => path.push(other),
        }
    }
    path.into_os_string()
        .into_string()
        .map_err(|path| format!("the folder {} is not UTF-8", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Volume, String> {
        parse_volume(text, Path::new("/home/ann/site"))
    }

    #[test]
    fn parse_volume_each_form_is_read() {
        let bind = |text: &str, wanted: &str| {
            assert_eq!(read(text), Ok(Volume::Bind(wanted.to_owned())), "{text}");
        };
        bind("data:/var/lib/data", "data:/var/lib/data");
        bind("data:/d:ro", "data:/d:ro");
        bind("/srv:/srv:ro,z", "/srv:/srv:ro,z");
        bind(".:/app", "/home/ann/site:/app");
        bind("./a/../b:/app:Z", "/home/ann/site/b:/app:Z");
        bind("..:/app", "/home/ann:/app");
        bind("../site2/:/app:ro", "/home/ann/site2:/app:ro");
        bind("../../../..:/app", "/:/app");
        bind(".cache:/c", "/home/ann/site/.cache:/c");
        bind("./größe x:/app", "/home/ann/site/größe x:/app");
        // Without a dot it is a volume, whatever is in the current folder.
        bind("src:/src", "src:/src");
        bind(r"C:\Users\ann:/app", r"C:\Users\ann:/app");
        bind("c:/Users/ann:/app:ro", "c:/Users/ann:/app:ro");
        assert_eq!(read("/data"), Ok(Volume::Anonymous("/data".to_owned())));
    }

    #[test]
    fn parse_volume_nonsense_is_refused() {
        for text in [
            "", "data", "a:b", ":/x", "a:/x:", "a:/", "/", "a:/b:c:d", r"C:\x", "./x",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
