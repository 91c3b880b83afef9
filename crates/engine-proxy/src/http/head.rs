//! Heads of requests and responses, strictly read.
//!
//! What two parties could read in two ways is refused: two lengths, a length beside a transfer coding, another coding
//! than `chunked`, folded headers, line ends that are not CR LF. So what the guard sees is what the engine gets.
//!
//! Source: RFC 9112, sections 2.2, 5.2, 6.1 to 6.3.

use std::fmt::Write as _;

/// The most bytes of a head: what dockerd takes. Credentials for many registries are a long header.
pub const MAX_HEAD_BYTES: usize = 1024 * 1024;
const MAX_HEADERS: usize = 128;

/// Why a head is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// It is longer than [`MAX_HEAD_BYTES`] or has too many headers.
    #[error("the head is too long")]
    TooLong,
    /// It is no HTTP/1 head.
    #[error("the head is malformed: {0}")]
    Malformed(String),
    /// Where the body ends could be read in two ways.
    #[error("the length of the body is ambiguous: {0}")]
    Ambiguous(&'static str),
}

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// That many bytes.
    Length(u64),
    /// Chunks.
    Chunked,
    /// All until the connection ends. Only of responses.
    UntilClose,
}

/// A request's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// The method, as it came.
    pub method: String,
    /// The target, as it came: path and query.
    pub target: String,
    headers: Headers,
    /// How its body ends.
    pub framing: Framing,
}

/// A response's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status.
    pub status: u16,
    reason: String,
    headers: Headers,
    /// How its body ends, were it the answer to a `GET`.
    framing: Framing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Headers {
    /// HTTP/1.0 or HTTP/1.1.
    minor: u8,
    fields: Vec<(String, Vec<u8>)>,
}

impl RequestHead {
    /// Reads a head off the front of `bytes`, with its length; `None` while it is not whole.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, HeadError> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut fields);
        let Some(length) = whole(request.parse(bytes), bytes)? else {
            return Ok(None);
        };
        let headers = Headers::read(request.version, request.headers);
        let framing = headers.framing()?.unwrap_or(Framing::None);
        Ok(Some((
            Self {
                method: request.method.unwrap_or_default().to_owned(),
                target: request.path.unwrap_or_default().to_owned(),
                headers,
                framing,
            },
            length,
        )))
    }

    /// The head as it goes to the engine.
    pub fn encode(&self) -> Vec<u8> {
        self.headers.encode(&format!(
            "{} {} HTTP/1.{}",
            self.method, self.target, self.headers.minor
        ))
    }

    /// A header's value, if it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// Whether the client means to ask more on this connection.
    pub fn keeps_alive(&self) -> bool {
        self.headers.keeps_alive()
    }

    /// Whether the client waits to be asked for the body (RFC 9110, section 10.1.1).
    pub fn expects_continue(&self) -> bool {
        self.headers.minor > 0 && self.headers.all("expect").any(is_continue)
    }

    /// Leaves out that it does.
    pub fn forget_expectation(&mut self) {
        self.headers
            .fields
            .retain(|(name, value)| !(name.eq_ignore_ascii_case("expect") && is_continue(value)));
    }

    /// Makes the body one of that many bytes, without trailers.
    pub fn set_length(&mut self, length: usize) {
        let framing = ["content-length", "transfer-encoding", "trailer"];
        let frames = |name: &str| framing.iter().any(|framing| name.eq_ignore_ascii_case(framing));
        self.headers.fields.retain(|(name, _)| !frames(name));
        let value = length.to_string().into_bytes();
        self.headers.fields.push(("Content-Length".to_owned(), value));
        self.framing = if length == 0 {
            Framing::None
        } else {
            Framing::Length(length as u64)
        };
    }
}

fn is_continue(value: &[u8]) -> bool {
    value.eq_ignore_ascii_case(b"100-continue")
}

impl ResponseHead {
    /// Reads a head off the front of `bytes`, with its length; `None` while it is not whole.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, HeadError> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut fields);
        let Some(length) = whole(response.parse(bytes), bytes)? else {
            return Ok(None);
        };
        let headers = Headers::read(response.version, response.headers);
        let framing = headers.framing()?.unwrap_or(Framing::UntilClose);
        let status = response.code.unwrap_or_default();
        if status < 100 {
            return Err(HeadError::Malformed(
                "the status has less than three digits".to_owned(),
            ));
        }
        Ok(Some((
            Self {
                status,
                reason: response.reason.unwrap_or_default().to_owned(),
                headers,
                framing,
            },
            length,
        )))
    }

    /// The head as it goes to the client.
    pub fn encode(&self) -> Vec<u8> {
        self.headers.encode(&format!(
            "HTTP/1.{} {} {}",
            self.headers.minor, self.status, self.reason
        ))
    }

    /// How the body ends in answer to `method`.
    pub fn framing(&self, method: &str) -> Framing {
        if method == "HEAD" || self.is_interim() || matches!(self.status, 204 | 304) {
            Framing::None
        } else {
            self.framing
        }
    }

    /// Whether the answer proper is still to come.
    pub fn is_interim(&self) -> bool {
        (100..200).contains(&self.status) && self.status != 101
    }

    /// Whether the engine takes more on this connection.
    pub fn keeps_alive(&self) -> bool {
        self.headers.keeps_alive()
    }
}

impl Headers {
    fn read(minor: Option<u8>, fields: &[httparse::Header<'_>]) -> Self {
        let fields = fields
            .iter()
            .map(|field| (field.name.to_owned(), field.value.to_vec()));
        Self {
            minor: minor.unwrap_or(1),
            fields: fields.collect(),
        }
    }

    fn encode(&self, first_line: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(512);
        bytes.extend_from_slice(first_line.as_bytes());
        bytes.extend_from_slice(b"\r\n");
        for (name, value) in &self.fields {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let wanted = move |(found, _): &&(String, Vec<u8>)| found.eq_ignore_ascii_case(name);
        self.fields
            .iter()
            .filter(wanted)
            .map(|(_, value)| value.as_slice())
    }

    fn get(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.all(name).next()?).ok()
    }

    fn framing(&self) -> Result<Option<Framing>, HeadError> {
        let mut codings = self.all("transfer-encoding");
        let mut lengths = self.all("content-length");
        let (coding, length) = (codings.next(), lengths.next());
        match (coding, length) {
            (Some(_), Some(_)) => Err(HeadError::Ambiguous("a length and a transfer coding")),
            (Some(_), None) if codings.next().is_some() => Err(HeadError::Ambiguous("two transfer codings")),
            (Some(_), None) if self.minor == 0 => Err(HeadError::Ambiguous("a transfer coding in HTTP/1.0")),
            (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Some(Framing::Chunked)),
            (Some(_), None) => Err(HeadError::Ambiguous("a transfer coding other than chunked")),
            (None, Some(_)) if lengths.next().is_some() => Err(HeadError::Ambiguous("two lengths")),
            (None, Some(length)) => match decimal(length) {
                Some(0) => Ok(Some(Framing::None)),
                Some(length) => Ok(Some(Framing::Length(length))),
                None => Err(HeadError::Ambiguous("a length that is no number")),
            },
            (None, None) => Ok(None),
        }
    }

    fn keeps_alive(&self) -> bool {
        let has = |token: &str| {
            self.all("connection").any(|value| {
                value
                    .split(|byte| *byte == b',')
                    .any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
            })
        };
        if self.minor == 0 {
            has("keep-alive")
        } else {
            !has("close")
        }
    }
}

/// Digits only: no sign, no space, nothing that overflows.
fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The length of a whole head whose lines all end with CR LF.
fn whole(parsed: httparse::Result<usize>, bytes: &[u8]) -> Result<Option<usize>, HeadError> {
    match parsed {
        Ok(httparse::Status::Complete(length)) if length > MAX_HEAD_BYTES => Err(HeadError::TooLong),
        Ok(httparse::Status::Complete(length)) => {
            let head = &bytes[..length];
            let stray = head.iter().enumerate().any(|(at, byte)| match byte {
                b'\n' => at == 0 || head[at - 1] != b'\r',
                b'\r' => head.get(at + 1) != Some(&b'\n'),
                _ => false,
            });
            if stray {
                return Err(HeadError::Malformed("a line does not end with CR LF".to_owned()));
            }
            Ok(Some(length))
        }
        Ok(httparse::Status::Partial) if bytes.len() > MAX_HEAD_BYTES => Err(HeadError::TooLong),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(httparse::Error::TooManyHeaders) => Err(HeadError::TooLong),
        Err(error) => {
            let mut text = String::new();
            // Writing to a string does not fail.
            let _ = write!(text, "{error}");
            Err(HeadError::Malformed(text))
        }
    }
}

#[cfg(test)]
mod tests;
