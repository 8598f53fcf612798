//! Runs the lapicque binary and collects what it prints.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The command `lapicque` with `arguments`, to be started in `folder`.
pub fn lapicque(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lapicque"));
    command.current_dir(folder).args(arguments);
    command
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit code; −1 if a signal ended the command.
    pub code: i32,
    /// All of stdout.
    pub out: String,
    /// All of stderr.
    pub err: String,
}

/// Runs a command and waits for its end.
pub fn end(command: &mut Command) -> Ended {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

/// Runs lapicque and waits for its end.
pub fn run(folder: &Path, arguments: &[&str]) -> Ended {
    end(&mut lapicque(folder, arguments))
}

/// Runs lapicque, which must succeed, and returns its stdout.
#[track_caller]
pub fn succeed(folder: &Path, arguments: &[&str]) -> String {
    let ended = run(folder, arguments);
    assert_eq!(ended.code, 0, "lapicque {arguments:?}: {}", ended.err);
    ended.out
}

/// A lapicque that runs in parallel with the test. Dropping this value kills it.
pub struct Running(pub Child);

impl Running {
    /// Starts a command with empty stdin. Its stdout is discarded.
    pub fn start(command: &mut Command) -> Running {
        Running(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Whether the command still runs.
    pub fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// Kills the command with SIGKILL, as the kernel does when memory is short.
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
    }

    /// Sends a signal by name, such as "INT", twice: a command gets a signal twice if its parent process forwards it.
    pub fn signal(&self, name: &str) {
        let send = ["-c", "kill -s \"$1\" \"$2\"; sleep 0.01; kill -s \"$1\" \"$2\" || true", "bash", name];
        assert!(Command::new("bash").args(send).arg(self.0.id().to_string()).status().unwrap().success());
    }

    /// Waits for the end of the command. Returns the exit code, or −1 if a signal ended the command.
    pub fn wait(&mut self) -> i32 {
        self.0.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Writes a file into a folder and returns its path.
pub fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// The names of the files in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The path of a file of this repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Parses a text as JSON.
pub fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("no JSON ({e}): {text}"))
}
