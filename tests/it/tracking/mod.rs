mod at_once;
mod consent;
mod faults;
mod machines;
mod recorder;
