//! Build script: passes the version of the compiler and the git commit to the program, which writes both into its
//! outputs.

use std::process::Command;

/// First line of the output of a command; `None` if the command fails.
fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok().filter(|o| o.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_string())
}

fn main() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_string());
    if let Some(version) = first_line(&rustc, &["--version"]) {
        println!("cargo:rustc-env=LAPICQUE_RUSTC={version}");
    }
    // Outside a git checkout, e.g. in a published package, there is no commit.
    if let Some(commit) = first_line("git", &["rev-parse", "--short=12", "HEAD"]) {
        println!("cargo:rustc-env=LAPICQUE_COMMIT={commit}");
        if let Some(head) = first_line("git", &["rev-parse", "--git-path", "HEAD"]) {
            println!("cargo:rerun-if-changed={head}");
        }
        if let Some(log_of_head) = first_line("git", &["rev-parse", "--git-path", "logs/HEAD"]) {
            println!("cargo:rerun-if-changed={log_of_head}");
        }
    }
    println!("cargo:rerun-if-changed=build.rs");
}
