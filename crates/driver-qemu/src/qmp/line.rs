//! Bytes to lines, with a limit.

use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest line that is kept. QEMU's longest answers to what we ask are some kilobytes.
pub(crate) const MAX_LINE_BYTES: usize = 1 << 20;

/// Splits a byte stream into lines. A line over the limit is left out as a whole, so memory stays bounded and the
/// lines after it are read as usual.
#[derive(Debug, Default)]
pub(crate) struct LineSplitter {
    pending: Vec<u8>,
    skipping: bool,
}

impl LineSplitter {
    /// Takes the next bytes and hands each complete line to `each`, without its end.
    pub(crate) fn push(&mut self, mut bytes: &[u8], mut each: impl FnMut(&[u8])) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            let (head, rest) = bytes.split_at(end);
            bytes = &rest[1..];
            self.keep(head);
            if !self.skipping {
                let line = self.pending.strip_suffix(b"\r").unwrap_or(&self.pending);
                each(line);
            }
            self.pending.clear();
            self.skipping = false;
        }
        self.keep(bytes);
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.skipping {
            return;
        }
        if self.pending.len() + bytes.len() > MAX_LINE_BYTES {
            self.skipping = true;
            self.pending = Vec::new();
        } else {
            self.pending.extend_from_slice(bytes);
        }
    }
}

/// Reads `stream` to its end and hands each line to `each`.
pub(crate) async fn read_lines(
    mut stream: impl AsyncRead + Unpin,
    mut each: impl FnMut(&[u8]),
) -> std::io::Result<()> {
    let mut splitter = LineSplitter::default();
    let mut chunk = vec![0; 4096];
    loop {
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            return Ok(());
        }
        splitter.push(&chunk[..count], &mut each);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines_of(chunks: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut splitter = LineSplitter::default();
        let mut lines = Vec::new();
        for chunk in chunks {
            splitter.push(chunk, |line| lines.push(line.to_vec()));
        }
        lines
    }

    #[test]
    fn push_line_over_limit_leaves_only_it_out() {
        let long = vec![b'x'; MAX_LINE_BYTES + 1];
        assert_eq!(
            lines_of(&[b"a\n", &long, b"y\nb\r\n"]),
            [b"a".to_vec(), b"b".to_vec()]
        );
    }

    proptest! {
        #[test]
        fn push_any_cut_gives_same_lines(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..200) {
            let cut = cut.min(bytes.len());
            let (head, tail) = bytes.split_at(cut);
            prop_assert_eq!(lines_of(&[head, tail]), lines_of(&[&bytes]));
        }
    }
}
