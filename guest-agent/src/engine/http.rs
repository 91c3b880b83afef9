//! The smallest HTTP client that can ask dockerd something: one GET for each connection, HTTP/1.0, so that the answer
//! comes whole and ends with the connection.

use std::path::Path;

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

/// A longer answer is refused.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// Asks for a path; returns the body of an answer with status 200. Waits for as long as dockerd takes: callers set
/// the limit.
pub async fn get(socket: &Path, path: &str) -> anyhow::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(socket)
        .await
        .context("failed to connect to dockerd")?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .context("failed to ask dockerd")?;
    let mut answer = Vec::new();
    let mut limited = stream.take(MAX_ANSWER_BYTES + 1);
    limited
        .read_to_end(&mut answer)
        .await
        .context("failed to read dockerd's answer")?;
    if answer.len() as u64 > MAX_ANSWER_BYTES {
        bail!("dockerd's answer is longer than {MAX_ANSWER_BYTES} bytes");
    }
    let (status, body) = parse(&answer).context("dockerd's answer is no HTTP")?;
    if status != 200 {
        bail!("dockerd answered with status {status}");
    }
    Ok(body.to_vec())
}

/// Splits an answer into status and body.
fn parse(answer: &[u8]) -> Option<(u16, &[u8])> {
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n")?;
    let head = str::from_utf8(answer.get(..end)?).ok()?;
    let mut words = head.lines().next()?.split(' ');
    if !words.next()?.starts_with("HTTP/1.") {
        return None;
    }
    Some((words.next()?.parse().ok()?, answer.get(end + 4..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_answer_gives_status_and_body() {
        let answer = b"HTTP/1.0 200 OK\r\nApi-Version: 1.51\r\n\r\nOK";
        assert_eq!(parse(answer), Some((200, &b"OK"[..])));
    }

    #[test]
    fn parse_every_cut_of_the_head_gives_none() {
        let answer = b"HTTP/1.1 503 Service Unavailable\r\nX: y\r\n\r\n";
        for length in 0..answer.len() {
            assert_eq!(parse(&answer[..length]), None, "{length}");
        }
        assert_eq!(parse(answer), Some((503, &b""[..])));
    }

    #[test]
    fn parse_garbage_gives_none() {
        for garbage in [
            &b"\r\n\r\n"[..],
            b"SSH-2.0\r\n\r\n",
            b"HTTP/1.1 abc\r\n\r\n",
            b"HTTP/1.1\r\n\r\n",
            b"\xff\xff\r\n\r\n",
        ] {
            assert_eq!(parse(garbage), None);
        }
    }

    #[tokio::test]
    async fn get_from_a_socket_returns_the_body() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 64];
            let length = stream.read(&mut request).await.unwrap();
            assert!(request[..length].starts_with(b"GET /_ping HTTP/1.0\r\n"));
            stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nOK").await.unwrap();
        });
        assert_eq!(get(&path, "/_ping").await.unwrap(), b"OK");
        server.await.unwrap();
    }
}
