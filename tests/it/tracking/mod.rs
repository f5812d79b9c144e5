mod faults;
mod machines;
mod recorder;
