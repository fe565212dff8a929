//! Lambda `get-deletion-status`.

fn main() -> std::process::ExitCode {
    functions::deletions::status::main()
}
