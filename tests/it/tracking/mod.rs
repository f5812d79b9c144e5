mod faults;
mod recorder;
