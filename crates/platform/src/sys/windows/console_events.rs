//! Requests to end.

use std::io;

use tokio::signal::windows;

/// Resolves at the first one.
pub async fn terminate_signal() -> io::Result<()> {
    let mut interrupt = windows::ctrl_c()?;
    let mut interrupt_hard = windows::ctrl_break()?;
    let mut close = windows::ctrl_close()?;
    let mut log_off = windows::ctrl_logoff()?;
    let mut shut_down = windows::ctrl_shutdown()?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = interrupt_hard.recv() => {}
        _ = close.recv() => {}
        _ = log_off.recv() => {}
        _ = shut_down.recv() => {}
    }
    Ok(())
}
