//! The command line under test: starting it, and what it said.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The binary with arguments, in a folder of its own.
pub fn lapicque(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lapicque"));
    command.current_dir(folder).args(arguments);
    command
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit code; −1 where a signal ended it.
    pub code: i32,
    /// All of stdout.
    pub out: String,
    /// All of stderr.
    pub err: String,
}

/// Runs a command to its end.
pub fn end(command: &mut Command) -> Ended {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

/// Runs lapicque to its end.
pub fn run(folder: &Path, arguments: &[&str]) -> Ended {
    end(&mut lapicque(folder, arguments))
}

/// The same, which must succeed; returns stdout.
#[track_caller]
pub fn succeed(folder: &Path, arguments: &[&str]) -> String {
    let ended = run(folder, arguments);
    assert_eq!(ended.code, 0, "lapicque {arguments:?}: {}", ended.err);
    ended.out
}

/// A lapicque that runs beside the test and is killed with it.
pub struct Running(pub Child);

impl Running {
    /// Starts it, silent.
    pub fn start(command: &mut Command) -> Running {
        Running(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Whether it has not ended.
    pub fn lives(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// Kills it, as the kernel does when memory is short.
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
    }

    /// Sends it a signal by name, such as "INT", twice: a parent that passes its own on does so.
    pub fn signal(&self, name: &str) {
        let send = ["-c", "kill -s \"$1\" \"$2\"; sleep 0.01; kill -s \"$1\" \"$2\" || true", "bash", name];
        assert!(Command::new("bash").args(send).arg(self.0.id().to_string()).status().unwrap().success());
    }

    /// Waits for its end; the exit code, −1 where a signal ended it.
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

/// Writes a configuration into a folder.
pub fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// The names in a folder, in order.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A text as JSON.
pub fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("no JSON ({e}): {text}"))
}
