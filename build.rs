//! Notes the compiler and the commit for the provenance of outputs.

use std::process::Command;

fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok().filter(|o| o.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_string())
}

fn main() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_string());
    if let Some(version) = first_line(&rustc, &["--version"]) {
        println!("cargo:rustc-env=LAPICQUE_RUSTC={version}");
    }
    // Absent outside a checkout, e.g. in a published package.
    if let Some(commit) = first_line("git", &["rev-parse", "--short=12", "HEAD"]) {
        println!("cargo:rustc-env=LAPICQUE_COMMIT={commit}");
        if let Some(head) = first_line("git", &["rev-parse", "--git-path", "HEAD"]) {
            println!("cargo:rerun-if-changed={head}");
        }
        if let Some(log) = first_line("git", &["rev-parse", "--git-path", "logs/HEAD"]) {
            println!("cargo:rerun-if-changed={log}");
        }
    }
    println!("cargo:rerun-if-changed=build.rs");
}
