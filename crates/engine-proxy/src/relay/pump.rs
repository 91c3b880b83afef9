//! Moves one body from one side to the other, byte for byte.

use std::io;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::inlet::{Inlet, is_write_error};
use crate::http::{BadChunk, BodyScanner};

/// Why a body did not arrive whole.
#[derive(Debug)]
pub(super) enum PumpError {
    /// It could not be read, or ended early.
    Read,
    /// It could not be written.
    Write(io::Error),
    /// It is no body.
    Bad(BadChunk),
}

/// Sees what a body says while it goes by.
pub(super) trait Tap {
    /// The next piece of its content.
    fn data(&mut self, bytes: &[u8]);

    /// It is whole. Comes before the last byte goes out.
    fn whole(&mut self);
}

/// Looks at nothing.
impl Tap for () {
    fn data(&mut self, _: &[u8]) {}

    fn whole(&mut self) {}
}

/// How much of a body goes out in one piece with what comes before it.
const MAX_JOINED_BYTES: usize = 16 * 1024;

/// Passes `lead` on, and then a body until it is whole. Cancel safe: what was not passed on is in `lead` and `inlet`.
pub(super) async fn pump<R, W>(
    lead: &mut BytesMut,
    inlet: &mut Inlet<R>,
    writer: &mut W,
    body: &mut BodyScanner,
    tap: &mut impl Tap,
) -> Result<(), PumpError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    if body.is_done() {
        tap.whole();
    }
    loop {
        if !body.is_done() && inlet.cleared < inlet.buffer.len() {
            let fresh = &inlet.buffer[inlet.cleared..];
            let length = body.scan(fresh, |data| tap.data(data)).map_err(PumpError::Bad)?;
            inlet.cleared += length;
            if body.is_done() {
                tap.whole();
            }
        }
        if !lead.is_empty() {
            // One packet, and one wake-up of whoever reads it, instead of two.
            let joined = inlet.cleared.min(MAX_JOINED_BYTES);
            lead.extend_from_slice(&inlet.buffer[..joined]);
            inlet.buffer.advance(joined);
            inlet.cleared -= joined;
        }
        while !lead.is_empty() {
            let written = write(writer, lead).await?;
            lead.advance(written);
        }
        while inlet.cleared > 0 {
            let written = write(writer, &inlet.buffer[..inlet.cleared]).await?;
            inlet.buffer.advance(written);
            inlet.cleared -= written;
        }
        if body.is_done() {
            return writer.flush().await.map_err(PumpError::Write);
        }
        match inlet.fill_and_flush(writer).await {
            Ok(0) if body.ends_with_the_connection() => {
                tap.whole();
                return writer.flush().await.map_err(PumpError::Write);
            }
            Ok(0) => return Err(PumpError::Read),
            Ok(_) => {}
            Err(error) if is_write_error(&error) => return Err(PumpError::Write(error)),
            Err(_) => return Err(PumpError::Read),
        }
    }
}

/// Writes once, and at least a byte.
async fn write(writer: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<usize, PumpError> {
    match writer.write(bytes).await {
        Ok(0) => Err(PumpError::Write(io::ErrorKind::WriteZero.into())),
        Ok(written) => Ok(written),
        Err(error) => Err(PumpError::Write(error)),
    }
}

/// Passes bytes on until the end of the reading side, which is passed on too. `look` sees each piece before it goes.
pub(super) async fn pump_raw<R, W>(
    inlet: &mut Inlet<R>,
    writer: &mut W,
    mut look: impl FnMut(&[u8]),
) -> Result<(), PumpError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    inlet.cleared = 0;
    loop {
        if !inlet.buffer.is_empty() {
            look(&inlet.buffer);
            writer.write_all(&inlet.buffer).await.map_err(PumpError::Write)?;
            inlet.buffer.clear();
        }
        match inlet.fill_and_flush(writer).await {
            Ok(0) => return writer.shutdown().await.map_err(PumpError::Write),
            Ok(_) => {}
            Err(error) if is_write_error(&error) => return Err(PumpError::Write(error)),
            Err(_) => return Err(PumpError::Read),
        }
    }
}
