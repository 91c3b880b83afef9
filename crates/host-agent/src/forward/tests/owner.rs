//! A port that another process has.

use std::{
    env,
    io::Read as _,
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Instant,
};

use super::fake::{LIMIT, World, free_port, localhost, tcp};

/// Makes this test a program that listens, and ends with its input.
const LISTEN: &str = "PINNACE_TEST_LISTEN";

#[test]
fn listens_for_another_test() {
    let Ok(address) = env::var(LISTEN) else {
        return;
    };
    let _listener = TcpListener::bind(address.parse::<SocketAddr>().unwrap()).unwrap();
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

struct Listening(Child);

impl Drop for Listening {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn listen_elsewhere(host: SocketAddr) -> Listening {
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "forward::tests::owner::listens_for_another_test"])
        .env(LISTEN, host.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let child = Listening(child);
    let began = Instant::now();
    while TcpStream::connect(host).is_err() {
        assert!(began.elapsed() < LIMIT);
        std::thread::yield_now();
    }
    child
}

#[tokio::test]
async fn port_of_another_process_is_refused_with_its_name_and_number() {
    let mut world = World::new().await;
    let mut guest = world.connect(1).await;
    let host = localhost(free_port());
    let other = listen_elsewhere(host);
    let target = "172.17.0.2:80".parse().unwrap();
    let reason = guest.ask(tcp(1, host, target)).await.unwrap_err();
    let begin = format!("Bind for {host} failed: port is already allocated (by ");
    let end = format!(", process {})", other.0.id());
    assert!(reason.starts_with(&begin) && reason.ends_with(&end), "{reason}");
    drop(other);
    guest.ask(tcp(2, host, target)).await.unwrap();
}
