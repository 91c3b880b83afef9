//! Requests whose end two parties could see in two places.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::{
    Door, Machine,
    wire::{Wire, ping},
};

/// How long a refused connection may take to be closed.
const CLOSED_WITHIN: Duration = Duration::from_secs(30);

/// A second request, hidden where only one of the two readings finds it.
const HIDDEN: &str = "POST /v1.44/volumes/create HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n{\"Name\":\"smuggled\"}";

/// What each is, the head after the first line, and the body before the hidden request.
const FORMS: &[(&str, &str, &str)] = &[
    (
        "a length and chunks",
        "Host: docker\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "0\r\n\r\n",
    ),
    (
        "chunks and a length",
        "Host: docker\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        "0\r\n\r\n",
    ),
    (
        "two lengths",
        "Host: docker\r\nContent-Length: 0\r\nContent-Length: 6\r\n\r\n",
        "",
    ),
    (
        "two lengths in one",
        "Host: docker\r\nContent-Length: 0, 6\r\n\r\n",
        "",
    ),
    (
        "two equal lengths",
        "Host: docker\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "",
    ),
    (
        "a length with a sign",
        "Host: docker\r\nContent-Length: +0\r\n\r\n",
        "",
    ),
    (
        "a length in another base",
        "Host: docker\r\nContent-Length: 0x0\r\n\r\n",
        "",
    ),
    (
        "a length too large",
        "Host: docker\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "",
    ),
    (
        "an unknown coding",
        "Host: docker\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "0\r\n\r\n",
    ),
    (
        "two codings",
        "Host: docker\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
        "0\r\n\r\n",
    ),
    (
        "a coding by another name",
        "Host: docker\r\nTransfer-Encoding: xchunked\r\n\r\n",
        "0\r\n\r\n",
    ),
    (
        "a folded header",
        "Host: docker\r\nX-Folded: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        "",
    ),
    (
        "a folded length",
        "Host: docker\r\nContent-Length:\r\n 0\r\n\r\n",
        "",
    ),
    (
        "a space before a colon",
        "Host: docker\r\nContent-Length : 0\r\n\r\n",
        "",
    ),
    ("bare line feeds", "Host: docker\nContent-Length: 0\n\n", ""),
    (
        "one bare line feed",
        "Host: docker\r\nX-A: b\nContent-Length: 0\r\n\r\n",
        "",
    ),
    (
        "a bare carriage return",
        "Host: docker\r\nX-A: b\rContent-Length: 0\r\n\r\n",
        "",
    ),
    (
        "a zero byte",
        "Host: docker\r\nX-A: \0\r\nContent-Length: 0\r\n\r\n",
        "",
    ),
];

/// Bodies in chunks that are none. The head was fine, so what is refused is the rest.
const BAD_CHUNKS: &[(&str, &str)] = &[
    ("a size that is no number", "zz\r\nab\r\n0\r\n\r\n"),
    ("a size with a sign", "+2\r\nab\r\n0\r\n\r\n"),
    ("a size with a prefix", "0x2\r\nab\r\n0\r\n\r\n"),
    ("a size that overflows", "ffffffffffffffff2\r\nab\r\n0\r\n\r\n"),
    ("a size that wraps to zero", "10000000000000000\r\n\r\n"),
    ("data longer than its size", "2\r\nabc\r\n0\r\n\r\n"),
    ("data without its line end", "2\r\nab0\r\n\r\n"),
    ("a size ended by a bare line feed", "2\nab\r\n0\r\n\r\n"),
    ("an empty size", "\r\nab\r\n0\r\n\r\n"),
];

pub fn ambiguous_requests_are_refused(machine: &Machine) -> Result<()> {
    let socket = machine.socket_of(&Door::Endpoint)?;
    let refused = |name: &str, request: String| -> Result<()> {
        let mut wire = Wire::open(&socket)?;
        wire.send_if_open(request);
        let head = wire.head().with_context(|| format!("{name}: no answer"))?;
        ensure!(head.status == 400, "{name}: {}", head.text);
        let rest = wire
            .to_end(CLOSED_WITHIN)
            .with_context(|| format!("{name}: it is not closed"))?;
        let rest = String::from_utf8_lossy(&rest);
        ensure!(!rest.contains("HTTP/1."), "{name}: a second answer: {rest}");
        ensure!(rest.contains("\"message\""), "{name}: no message: {rest}");
        Ok(())
    };
    for (name, head, body) in FORMS {
        refused(name, format!("GET /_ping HTTP/1.1\r\n{head}{body}{HIDDEN}"))?;
    }
    for (name, body) in BAD_CHUNKS {
        let head = "POST /v1.44/images/load HTTP/1.1\r\nHost: docker\r\nTransfer-Encoding: chunked\r\n\r\n";
        refused(name, format!("{head}{body}{HIDDEN}"))?;
    }
    let smuggled = machine.docker.run(["volume", "inspect", "smuggled"]).run()?;
    ensure!(!smuggled.status.success(), "a hidden request came through");
    let (status, _) = ping(&socket)?;
    ensure!(status == 200, "after all this the endpoint answers {status}");
    Ok(())
}
