//! A container that a scripted host agent runs: it tells what it gets.

use api::{
    AgentFrame, ApiError, ClientFrame, Code, SessionEvent, SessionFailure, SessionFrame, SessionFrameDecoder,
    SessionRequest,
};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What the image of a `run`, or the program of an `exec`, makes the container do.
fn what(request: &SessionRequest) -> (Vec<String>, bool) {
    match request {
        SessionRequest::Run(run) => {
            let mut words = vec![run.config["Image"].as_str().unwrap().to_owned()];
            let command = run.config["Cmd"].as_array().cloned().unwrap_or_default();
            words.extend(command.iter().map(|word| word.as_str().unwrap().to_owned()));
            (words, run.tty)
        }
        SessionRequest::Exec(exec) => (exec.argv.clone(), exec.tty),
        SessionRequest::Attach(attach) => (vec![attach.container.clone()], false),
    }
}

/// Serves one session; `see` gets every frame but input, and `gone` when the client is. `exit N` ends with that code, `fail N` comes to nothing with it, `vanish` breaks off. All else
/// repeats input in upper case, ends with 0 after the input, and with 137 when it is stopped or at the third interrupt.
pub async fn session(upgraded: Upgraded, request: SessionRequest, see: impl Fn(String) + Send) {
    let mut stream = TokioIo::new(upgraded);
    let (words, tty) = what(&request);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let event = |event: SessionEvent| AgentFrame::Event(event).encode();
    if let ["fail", code] = words[..] {
        let failed = AgentFrame::Failed(SessionFailure {
            error: ApiError {
                code: Code::NotFound,
                message: "no such image: fail".to_owned(),
                hint: None,
            },
            exit_code: code.parse().unwrap(),
        });
        stream.write_all(&failed.encode()).await.unwrap();
        return stream.shutdown().await.unwrap();
    }
    let (id, name) = ("c0ffee".to_owned(), "brave_boat".to_owned());
    let created = event(SessionEvent::Created { id, name, tty });
    stream.write_all(&created).await.unwrap();
    stream.write_all(&event(SessionEvent::Started)).await.unwrap();
    let mut last = match words[..] {
        ["vanish"] => return,
        ["exit", code] => Some(AgentFrame::Exit(code.parse().unwrap())),
        _ => None,
    };
    let detached = matches!(&request, SessionRequest::Run(run) if run.detached);
    if detached {
        last = Some(AgentFrame::Exit(0));
    }
    let says = |text: &str| AgentFrame::Stdout(text.as_bytes().to_vec()).encode();
    if last.is_none() {
        // What a test waits for comes last: nothing is being written when it ends the client then.
        let error = AgentFrame::Stderr(b"beside\n".to_vec());
        stream.write_all(&error.encode()).await.unwrap();
        stream.write_all(&says("up\n")).await.unwrap();
    }
    let mut decoder = SessionFrameDecoder::<ClientFrame>::default();
    let mut bytes = vec![0; 4096];
    let mut interrupts = 0;
    while last.is_none() {
        match stream.read(&mut bytes).await {
            Ok(0) | Err(_) => return see("gone".to_owned()),
            Ok(length) => decoder.push(&bytes[..length]),
        }
        while let Some(frame) = decoder.next_frame().unwrap() {
            if !matches!(frame, ClientFrame::Input(_)) {
                see(format!("{frame:?}"));
            }
            match frame {
                ClientFrame::Input(data) => {
                    let taken = AgentFrame::Taken(u32::try_from(data.len()).unwrap());
                    stream.write_all(&taken.encode()).await.unwrap();
                    let text = String::from_utf8(data.to_ascii_uppercase()).unwrap();
                    stream.write_all(&says(&text)).await.unwrap();
                }
                ClientFrame::EndOfInput => last = Some(AgentFrame::Exit(0)),
                ClientFrame::Resize { columns, rows } => {
                    stream
                        .write_all(&says(&format!("size {columns}x{rows}\n")))
                        .await
                        .unwrap();
                }
                ClientFrame::Signal(name) => {
                    interrupts += 1;
                    stream.write_all(&says(&format!("got {name}\n"))).await.unwrap();
                    if interrupts == 3 {
                        last = Some(AgentFrame::Exit(137));
                    }
                }
                ClientFrame::Stop => last = Some(AgentFrame::Exit(137)),
                ClientFrame::Detach => last = Some(AgentFrame::Event(SessionEvent::Detached)),
                ClientFrame::Closing => stream.write_all(&event(SessionEvent::ClosingAck)).await.unwrap(),
            }
        }
    }
    stream.write_all(&last.unwrap().encode()).await.unwrap();
    drop(stream.shutdown().await);
}
