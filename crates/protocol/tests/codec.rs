//! Properties of the frame codec, and the frozen encoding of every message.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use pinnace_protocol::*;
use proptest::prelude::*;

fn facts() -> Facts {
    Facts {
        agent_version: "1.2.3".into(),
        kernel: "7.2.12".into(),
        boot_id: [7; 16],
        uptime_ms: 1500,
        engine: EngineState::Starting,
        data_disk: Some(DataDisk::Mounted {
            size_bytes: 1 << 36,
            free_bytes: 1 << 35,
            formatted: true,
        }),
        stages: vec![BootStage {
            name: "kernel".into(),
            uptime_ms: 900,
        }],
    }
}

fn host_frames() -> Vec<HostFrame> {
    [
        Request::Facts,
        Request::SetTime {
            unix_ms: 1_700_000_000_000,
        },
        Request::Shutdown { grace_ms: 10_000 },
        Request::GrowDataDisk,
        Request::RestartEngine,
        Request::Trim,
        Request::ResizeShell {
            token: 9,
            columns: 80,
            rows: 24,
        },
        Request::Process {
            pid: 300,
            container: "0a".into(),
        },
        Request::EndProcess {
            pid: 300,
            container: "0a".into(),
            grace_ms: 10_000,
        },
        Request::SetShares {
            shares: vec![ShareSpec {
                id: "home".into(),
                path: "/home/me".into(),
                read_only: true,
            }],
        },
        Request::SetNetwork(NetworkSettings {
            http_proxy: Some("http://p:1".into()),
            https_proxy: None,
            no_proxy: Some("::1".into()),
            ca_certificates: b"pem".to_vec(),
        }),
    ]
    .into_iter()
    .zip(1..)
    .map(|(request, id)| HostFrame { id, request })
    .collect()
}

fn guest_frames() -> Vec<GuestFrame> {
    let engine_states = [
        EngineState::Stopped,
        EngineState::Starting,
        EngineState::Ready {
            version: "28.5.2".into(),
            api_version: "1.51".into(),
        },
        EngineState::Unhealthy {
            reason: "exited".into(),
            restarts: 2,
        },
    ];
    let errors = [ErrorCode::Unsupported, ErrorCode::NotReady, ErrorCode::Failed];
    let mut frames = vec![
        GuestFrame::Reply {
            id: 1,
            result: Ok(Reply::Done),
        },
        GuestFrame::Reply {
            id: 2,
            result: Ok(Reply::Facts(facts())),
        },
        GuestFrame::Reply {
            id: 3,
            result: Ok(Reply::Trimmed { bytes: 4096 }),
        },
        GuestFrame::Event(Event::Stage(BootStage {
            name: "root".into(),
            uptime_ms: 1,
        })),
        GuestFrame::Event(Event::DataDisk(DataDisk::Unusable {
            reason: "foreign".into(),
        })),
        GuestFrame::Event(Event::ShuttingDown { remaining: 3 }),
        GuestFrame::Event(Event::ShellExited { token: 9, code: 130 }),
        GuestFrame::Event(Event::PoweringOff),
    ];
    let terminals = [
        None,
        Some(TerminalFacts {
            signals_on: true,
            foreground: false,
        }),
    ];
    frames.extend(terminals.map(|terminal| GuestFrame::Reply {
        id: 5,
        result: Ok(Reply::Process(ProcessFacts {
            program: "sh".into(),
            caught: 1 << 1,
            blocked: 1 << 2,
            ignored: 1 << 63,
            terminal,
        })),
    }));
    frames.push(GuestFrame::Reply {
        id: 6,
        result: Ok(Reply::Shares(vec![
            Ok(MountedShare {
                id: "home".into(),
                path: "/home/me".into(),
            }),
            Err(AgentError {
                code: ErrorCode::Failed,
                message: "no".into(),
            }),
        ])),
    });
    frames.extend(engine_states.map(|state| GuestFrame::Event(Event::Engine(state))));
    frames.extend(errors.map(|code| GuestFrame::Reply {
        id: 4,
        result: Err(AgentError {
            code,
            message: "no".into(),
        }),
    }));
    frames
}

fn stream_heads() -> Vec<StreamHead> {
    let sources = [
        LogSource::Agent,
        LogSource::Engine,
        LogSource::Containerd,
        LogSource::Kernel,
    ];
    let mut heads = vec![
        StreamHead::Shell {
            token: 9,
            argv: vec!["sh".into()],
            tty: Some((80, 24)),
        },
        StreamHead::Shell {
            token: 9,
            argv: vec![],
            tty: None,
        },
    ];
    heads.extend(sources.map(|source| StreamHead::Logs {
        source,
        tail_lines: 10,
        follow: true,
    }));
    heads.push(StreamHead::Share {
        id: "home".into(),
        server: 300,
    });
    heads
}

fn forward_heads() -> Vec<StreamHead> {
    let targets = [
        ForwardTarget::Address("172.17.0.2:80".parse().unwrap()),
        ForwardTarget::Container {
            id: "0a".into(),
            port: 8080,
        },
    ];
    targets
        .into_iter()
        .zip([Transport::Tcp, Transport::Udp])
        .map(|(target, transport)| StreamHead::Forward { transport, target })
        .collect()
}

fn publication_frames() -> Vec<PublicationFrame> {
    let listeners = [ListenerOrigin::HostNetwork, ListenerOrigin::Swarm].map(|origin| GuestListener {
        transport: Transport::Udp,
        address: "[::]:53".parse().unwrap(),
        origin,
    });
    vec![
        PublicationFrame::Asked(Publication {
            id: 300,
            transport: Transport::Tcp,
            host: "127.0.0.1:8080".parse().unwrap(),
            container: "172.17.0.2:80".parse().unwrap(),
            awaited: true,
        }),
        PublicationFrame::Released { id: 300 },
        PublicationFrame::Listeners(listeners.into()),
        PublicationFrame::Synced,
    ]
}

fn publication_answers() -> Vec<PublicationAnswer> {
    [Ok(()), Err("taken".to_owned())]
        .map(|result| PublicationAnswer { id: 300, result })
        .into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn frozen<M: serde::Serialize + std::fmt::Debug>(messages: &[M]) -> String {
    messages
        .iter()
        .map(|m| format!("{m:?}\n    {}\n", hex(&encode(m).unwrap())))
        .collect()
}

#[test]
fn encoding_of_every_message_is_frozen() {
    let text = format!(
        "generation {GENERATION}\n\n{}\n{}\n{}{}\n{}\n{}",
        frozen(&host_frames()),
        frozen(&guest_frames()),
        frozen(&stream_heads()),
        frozen(&forward_heads()),
        frozen(&publication_frames()),
        frozen(&publication_answers())
    );
    insta::assert_snapshot!("generation_1", text);
}

#[test]
fn decoder_returns_every_message_whatever_the_cut() {
    let frames = guest_frames();
    let bytes: Vec<u8> = frames.iter().flat_map(|frame| encode(frame).unwrap()).collect();
    for cut in 0..bytes.len() {
        let mut decoder = FrameDecoder::<GuestFrame>::default();
        let mut got = Vec::new();
        for part in [&bytes[..cut], &bytes[cut..]] {
            decoder.push(part);
            while let Some(frame) = decoder.next_message().unwrap() {
                got.push(frame);
            }
        }
        assert_eq!(got, frames, "cut at {cut}");
    }
}

#[test]
fn longest_list_of_listeners_fits_in_a_frame() {
    let listener = GuestListener {
        transport: Transport::Udp,
        address: "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535".parse().unwrap(),
        origin: ListenerOrigin::Swarm,
    };
    encode(&PublicationFrame::Listeners(vec![listener; 1024])).unwrap();
}

#[test]
fn decoder_refuses_empty_long_and_trailing_frames() {
    let check = |bytes: &[u8]| {
        let mut decoder = FrameDecoder::<HostFrame>::default();
        decoder.push(bytes);
        decoder.next_message()
    };
    assert_eq!(check(&[0, 0, 0, 0]), Err(FrameError::Empty));
    assert_eq!(
        check(&u32::MAX.to_le_bytes()),
        Err(FrameError::TooLong(u32::MAX as usize))
    );
    assert_eq!(check(&[3, 0, 0, 0, 1, 0, 0]), Err(FrameError::Trailing(1)));
    assert_eq!(check(&[2, 0, 0, 0, 1]), Ok(None));
}

#[test]
fn encode_refuses_a_message_over_the_limit() {
    let message = AgentError {
        code: ErrorCode::Failed,
        message: "x".repeat(MAX_FRAME_BYTES),
    };
    assert!(matches!(encode(&message), Err(FrameError::TooLong(_))));
}

proptest! {
    #[test]
    fn decoder_never_panics_and_keeps_no_more_than_it_was_given(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..32)
    ) {
        let mut decoder = FrameDecoder::<GuestFrame>::default();
        let mut pushed = 0;
        'stream: for chunk in &chunks {
            decoder.push(chunk);
            pushed += chunk.len();
            loop {
                match decoder.next_message() {
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(_) => break 'stream,
                }
            }
        }
        prop_assert!(decoder.into_rest().len() <= pushed);
    }

    #[test]
    fn decode_inverts_encode(id in any::<u32>(), message in ".{0,200}", unix_ms in any::<u64>()) {
        let request = HostFrame { id, request: Request::SetTime { unix_ms } };
        let mut decoder = FrameDecoder::<HostFrame>::default();
        decoder.push(&encode(&request).unwrap());
        prop_assert_eq!(decoder.next_message().unwrap(), Some(request));

        let reply = GuestFrame::Reply { id, result: Err(AgentError { code: ErrorCode::Failed, message }) };
        let mut decoder = FrameDecoder::<GuestFrame>::default();
        decoder.push(&encode(&reply).unwrap());
        prop_assert_eq!(decoder.next_message().unwrap(), Some(reply));
    }
}
