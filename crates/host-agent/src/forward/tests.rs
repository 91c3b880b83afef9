//! The forwards with real sockets on the host, a real link, and a made-up guest and engine.

mod connections;
mod fake;
mod listening;
mod live;
mod owner;
mod random;
mod udp;
