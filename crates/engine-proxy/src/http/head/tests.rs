//! Heads as text.

use proptest::prelude::*;

use super::*;

fn request(text: &str) -> Result<Option<(RequestHead, usize)>, HeadError> {
    RequestHead::parse(text.as_bytes())
}

#[test]
fn request_head_is_read_and_written_again_as_it_came() {
    let text = "POST /v1.51/containers/x/kill?signal=INT HTTP/1.1\r\nHost: docker\r\nUser-Agent: Docker-Client/28.5.2 (linux)\r\nContent-Length: 0\r\n\r\n";
    let (head, length) = request(&format!("{text}rest")).unwrap().unwrap();
    assert_eq!(length, text.len());
    assert_eq!(head.encode(), text.as_bytes());
    assert_eq!(head.framing, Framing::None);
    assert_eq!(head.header("user-agent"), Some("Docker-Client/28.5.2 (linux)"));
    assert!(head.keeps_alive());
}

#[test]
fn set_length_replaces_what_framed_the_body() {
    let text = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\nTE: trailers\r\nExpect: 100-Continue\r\n\r\n";
    let (mut head, _) = request(text).unwrap().unwrap();
    assert!(head.expects_continue());
    head.forget_expectation();
    assert!(!head.expects_continue());
    for (length, framing) in [(12, Framing::Length(12)), (0, Framing::None)] {
        head.set_length(length);
        assert_eq!(head.framing, framing);
        let expected = format!("POST / HTTP/1.1\r\nTE: trailers\r\nContent-Length: {length}\r\n\r\n");
        assert_eq!(String::from_utf8(head.encode()).unwrap(), expected);
    }
}

#[test]
fn part_of_a_head_waits_for_the_rest() {
    let text = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    for length in 0..text.len() {
        assert_eq!(request(&text[..length]), Ok(None), "{length}");
    }
}

#[test]
fn framing_of_each_form_is_found() {
    let check = |headers: &str, framing| {
        let (head, _) = request(&format!("POST / HTTP/1.1\r\n{headers}\r\n"))
            .unwrap()
            .unwrap();
        assert_eq!(head.framing, framing, "{headers:?}");
    };
    check("", Framing::None);
    check("Content-Length: 12\r\n", Framing::Length(12));
    check("transfer-encoding: Chunked\r\n", Framing::Chunked);
}

#[test]
fn ambiguous_and_malformed_heads_are_refused() {
    for text in [
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 0x5\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: \x0bchunked\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
        "POST / HTTP/1.1\r\nA : b\r\n\r\n",
        "POST / HTTP/1.1\nA: b\n\n",
        "POST / HTTP/1.1\r\nA: b\n\r\n",
        "POST / HTTP/2.0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "POST /a b HTTP/1.1\r\n\r\n",
        "nonsense\r\n\r\n",
    ] {
        assert!(request(text).is_err(), "{text:?}");
    }
}

#[test]
fn endless_head_is_refused() {
    let text = format!("GET / HTTP/1.1\r\nA: {}", "x".repeat(MAX_HEAD_BYTES));
    assert_eq!(request(&text), Err(HeadError::TooLong));
}

#[test]
fn response_framing_depends_on_status_and_method() {
    let check = |text: &str, method: &str, framing| {
        let (head, _) = ResponseHead::parse(text.as_bytes()).unwrap().unwrap();
        assert_eq!(head.framing(method), framing, "{text:?}");
    };
    check("HTTP/1.1 200 OK\r\n\r\n", "GET", Framing::UntilClose);
    check(
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n",
        "GET",
        Framing::Length(4),
    );
    check(
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n",
        "HEAD",
        Framing::None,
    );
    check("HTTP/1.1 204 No Content\r\n\r\n", "POST", Framing::None);
    check("HTTP/1.1 304 Not Modified\r\n\r\n", "POST", Framing::None);
    check("HTTP/1.1 100 Continue\r\n\r\n", "POST", Framing::None);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_and_what_is_read_reads_the_same_again(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let text = [b"GET / HTTP/1.1\r\n", bytes.as_slice()].concat();
        if let Ok(Some((head, _))) = RequestHead::parse(&text) {
            let again = RequestHead::parse(&head.encode()).unwrap().unwrap();
            prop_assert_eq!(again.0, head);
        }
        let _ = ResponseHead::parse(&bytes);
    }
}
