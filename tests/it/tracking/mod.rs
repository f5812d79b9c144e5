mod consent;
mod faults;
mod machines;
mod recorder;
