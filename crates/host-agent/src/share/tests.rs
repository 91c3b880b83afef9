//! The shares with real folders, a real link, and a made-up guest that speaks a little FUSE.

mod fake;
mod live;
mod requests;
