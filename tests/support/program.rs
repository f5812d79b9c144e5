//! The real program in a process of its own, for tests that end it or look at what it says.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};

use super::agent::Agent;

/// A server in a process of its own; killed when it goes out of scope.
pub struct Program {
    child: Child,
    /// Held open: a program whose output nobody takes would end.
    out: BufReader<ChildStdout>,
    /// Where it listens.
    pub url: String,
    said: String,
}

/// The program on a data directory, without any setting of this process's environment.
pub fn program(dir: &Path, database_url: Option<&str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_widerspruch"));
    for setting in ["LISTEN", "DATA", "PUBLIC_URL", "SECRET_FILE"] {
        command.env_remove(format!("WIDERSPRUCH_{setting}"));
    }
    command
        .env_remove("DATABASE_URL")
        .env_remove("RUST_LOG")
        .arg("--data-dir")
        .arg(dir)
        .args(["--listen", "127.0.0.1:0"]);
    if let Some(url) = database_url {
        command.env("DATABASE_URL", url);
    }
    command
}

/// Lets a command run to its end.
pub fn run(command: &mut Command) -> Output {
    run_with_input(command, "")
}

/// Lets a command run to its end with that on its standard input.
pub fn run_with_input(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // A program that ends without reading is an outcome like any other.
    let _ = child
        .stdin
        .take()
        .expect("an input")
        .write_all(input.as_bytes());
    child.wait_with_output().expect("the program ends")
}

/// The same command, run by a shell after this line of it.
pub fn after_line(line: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(format!("{line}; exec \"$0\" \"$@\""))
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

impl Program {
    /// Starts serving and waits until it listens.
    pub fn serve(dir: &Path, database_url: Option<&str>) -> Self {
        Self::start(&mut program(dir, database_url))
    }

    /// Starts a command that serves and waits until it listens.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut out = BufReader::new(child.stdout.take().expect("an output"));
        let mut said = String::new();
        let mut address = None;
        while address.is_none() {
            let mut line = String::new();
            if out.read_line(&mut line).expect("a line") == 0 {
                break;
            }
            address = line
                .split_whitespace()
                .find(|word| word.starts_with("http://127.0.0.1:"))
                .map(|url| url.trim_end_matches('/').to_owned());
            said.push_str(&line);
        }
        let Some(url) = address else {
            panic!("it does not listen: {:?}", child.wait());
        };
        // It listens before it takes signals; whoever is answered may send one.
        let answer = Agent::new(&url).get("/anmelden");
        assert!(answer.status < 500, "it serves");
        Self {
            child,
            out,
            url,
            said,
        }
    }

    /// The most memory it has held so far, in megabytes, as Linux tells it.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.trim().parse().ok());
        kilobytes.map_or(0, |kilobytes: u64| kilobytes / 1_024)
    }

    /// Ends it at once, as a power cut does (SIGKILL).
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// The largest size in bytes to which its files may grow from now on; none for any size. Ends
    /// it unless it ignores SIGXFSZ.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let bytes = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
        let set = Command::new("prlimit")
            .arg(format!("--pid={}", self.child.id()))
            // The soft limit alone: it may be raised again.
            .arg(format!("--fsize={bytes}:"))
            .status()
            .expect("prlimit is there");
        assert!(set.success());
    }

    /// Sends a signal, by its name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
            .expect("kill is there");
        assert!(sent.success());
    }

    /// Waits until it has ended by itself.
    pub fn ended(mut self) -> ExitStatus {
        self.child.wait().expect("it ends")
    }

    /// Ends it as Ctrl-C does and gives all it has said.
    pub fn stop(mut self) -> String {
        self.signal("TERM");
        let mut said = std::mem::take(&mut self.said);
        self.out.read_to_string(&mut said).expect("text");
        assert!(self.ended().success(), "it ends well: {said}");
        said
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
