mod bodies;
mod intent;
mod judge;
mod properties;
