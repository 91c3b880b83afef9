//! Ids as people read them.

/// The length of a short id, which docker's commands take as well.
const SHORT: usize = 12;

/// An id without its algorithm, cut unless the whole one is wanted.
pub fn shown(id: &str, whole: bool) -> String {
    if whole {
        return id.to_owned();
    }
    let digits = id.split_once(':').map_or(id, |(_, digits)| digits);
    digits.chars().take(SHORT).collect()
}

/// An image as it was named; the id of one that lost its name is cut.
pub fn shown_image(image: &str, whole: bool) -> String {
    if image.starts_with("sha256:") {
        shown(image, whole)
    } else {
        image.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_id_is_cut_unless_whole() {
        let id = "sha256:0123456789abcdef";
        assert_eq!(shown(id, false), "0123456789ab");
        assert_eq!(shown(id, true), id);
        assert_eq!(shown("ß", false), "ß");
        assert_eq!(shown_image("alpine:3.22", false), "alpine:3.22");
        assert_eq!(shown_image(id, false), "0123456789ab");
    }
}
