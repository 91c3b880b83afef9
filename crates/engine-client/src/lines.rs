//! A stream of JSON objects, one after another.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use crate::{ByteStream, EngineError};

/// The most bytes of one object.
const MAX_OBJECT_BYTES: usize = 8 * 1024 * 1024;

/// Objects of one kind, as they come. The engine ends each with a line feed.
#[derive(Debug)]
pub struct JsonLines<T> {
    stream: ByteStream,
    buffer: Vec<u8>,
    object: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> JsonLines<T> {
    pub(crate) fn new(stream: ByteStream) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
            object: PhantomData,
        }
    }

    /// Waits for the next one. `None` at the end. Cancel safe.
    pub async fn next(&mut self) -> Result<Option<T>, EngineError> {
        loop {
            while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                if !line.trim_ascii().is_empty() {
                    return self.read(&line).map(Some);
                }
            }
            if self.buffer.len() > MAX_OBJECT_BYTES {
                return Err(EngineError::TooLong {
                    call: self.stream.call().to_owned(),
                    limit: MAX_OBJECT_BYTES,
                });
            }
            match self.stream.next().await? {
                Some(bytes) => self.buffer.extend_from_slice(&bytes),
                None if self.buffer.trim_ascii().is_empty() => return Ok(None),
                None => {
                    let last = std::mem::take(&mut self.buffer);
                    return self.read(&last).map(Some);
                }
            }
        }
    }

    fn read(&self, line: &[u8]) -> Result<T, EngineError> {
        serde_json::from_slice(line).map_err(|source| EngineError::Answer {
            call: self.stream.call().to_owned(),
            source,
        })
    }
}
