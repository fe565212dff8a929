//! Lambda `send-notice`.

fn main() -> std::process::ExitCode {
    functions::notices::send::main()
}
