//! Lambda `expire-takeouts`.

fn main() -> std::process::ExitCode {
    functions::takeouts::expire::main()
}
