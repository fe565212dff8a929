//! `cargo local`: Lethe on this machine.

fn main() -> std::process::ExitCode {
    local::cli::main()
}
