use proptest::prelude::*;

use super::*;
use crate::{
    ApiError, Code, Escalation, EscalationReason, SessionEvent, SessionFailure, frame_buffer::MAX_FRAME_BYTES,
};

fn decoded<F: SessionFrame>(bytes: &[u8], cut: usize) -> io::Result<Vec<F>> {
    let mut decoder = SessionFrameDecoder::default();
    let mut read = Vec::new();
    for piece in bytes.chunks(cut.max(1)) {
        decoder.push(piece);
        while let Some(frame) = decoder.next_frame()? {
            read.push(frame);
        }
        assert!(decoder.buffer.len() < MAX_FRAME_BYTES);
    }
    Ok(read)
}

fn client_frame() -> impl Strategy<Value = ClientFrame> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 1..64).prop_map(ClientFrame::Input),
        Just(ClientFrame::EndOfInput),
        any::<(u16, u16)>().prop_map(|(columns, rows)| ClientFrame::Resize { columns, rows }),
        "[A-Z0-9+-]{1,16}".prop_map(ClientFrame::Signal),
        Just(ClientFrame::Stop),
        Just(ClientFrame::Detach),
        Just(ClientFrame::Closing),
    ]
}

fn agent_frame() -> impl Strategy<Value = AgentFrame> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 1..64).prop_map(AgentFrame::Stdout),
        proptest::collection::vec(any::<u8>(), 1..64).prop_map(AgentFrame::Stderr),
        any::<u32>().prop_map(AgentFrame::Taken),
        any::<i64>().prop_map(AgentFrame::Exit),
        any::<(String, String, bool)>()
            .prop_map(|(id, name, tty)| { AgentFrame::Event(SessionEvent::Created { id, name, tty }) }),
        any::<String>().prop_map(|message| AgentFrame::Event(SessionEvent::Warning { message })),
        Just(AgentFrame::Event(SessionEvent::Escalated {
            what: Escalation::Stop,
            why: EscalationReason::StillRunning,
        })),
        any::<(String, Option<String>, u8)>().prop_map(|(message, hint, exit_code)| {
            let code = Code::Internal;
            AgentFrame::Failed(SessionFailure {
                error: ApiError { code, message, hint },
                exit_code,
            })
        }),
    ]
}

proptest! {
    #[test]
    fn client_frames_cut_anywhere_are_read_back(
        frames in proptest::collection::vec(client_frame(), 0..8), cut in 1..40_usize,
    ) {
        let bytes: Vec<u8> = frames.iter().flat_map(SessionFrame::encode).collect();
        prop_assert_eq!(decoded::<ClientFrame>(&bytes, cut).unwrap(), frames);
    }

    #[test]
    fn agent_frames_cut_anywhere_are_read_back(
        frames in proptest::collection::vec(agent_frame(), 0..8), cut in 1..40_usize,
    ) {
        let bytes: Vec<u8> = frames.iter().flat_map(SessionFrame::encode).collect();
        prop_assert_eq!(decoded::<AgentFrame>(&bytes, cut).unwrap(), frames);
    }

    #[test]
    fn any_bytes_are_frames_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 1..40_usize) {
        drop(decoded::<ClientFrame>(&bytes, cut));
        drop(decoded::<AgentFrame>(&bytes, cut));
    }
}

#[test]
fn long_data_becomes_several_frames() {
    let bytes = AgentFrame::Stdout(vec![7; MAX_SESSION_PAYLOAD_BYTES + 1]).encode();
    let lengths: Vec<usize> = decoded::<AgentFrame>(&bytes, 4096)
        .unwrap()
        .into_iter()
        .map(|frame| match frame {
            AgentFrame::Stdout(data) => data.len(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(lengths, [MAX_SESSION_PAYLOAD_BYTES, 1]);
}

#[test]
fn message_of_any_length_fits_into_a_frame() {
    let message = "\u{1}".repeat(100_000);
    let event = AgentFrame::Event(SessionEvent::Warning { message });
    assert_eq!(decoded::<AgentFrame>(&event.encode(), 1 << 20).unwrap().len(), 1);
}

#[test]
fn frame_of_wrong_kind_length_or_direction_is_refused() {
    for bytes in [
        &[9, 0, 0, 0, 0][..],
        &[1, 0, 0, 0, 1, 0],
        &[2, 0, 0, 0, 3, 0, 0, 0],
        &[0, 255, 255, 255, 255],
        &[3, 0, 0, 0, 0],
        &[3, 0, 0, 0, 3, b'i', b'n', b't'],
        &[3, 0, 0, 0, 4, b'A', b'/', b'.', b'.'],
        &[4, 0, 0, 0, 1, 1],
        &[16, 0, 0, 0, 1, b'x'],
    ] {
        assert!(decoded::<ClientFrame>(bytes, 100).is_err(), "{bytes:?}");
    }
    for bytes in [
        &[0, 0, 0, 0, 1, b'x'][..],
        &[18, 0, 0, 0, 1, 0],
        &[19, 0, 0, 0, 2, b'{', b'}'],
        &[20, 0, 0, 0, 1, 0],
        &[21, 0, 0, 0, 0],
        &[22, 0, 0, 0, 0],
    ] {
        assert!(decoded::<AgentFrame>(bytes, 100).is_err(), "{bytes:?}");
    }
}
