//! Lambda `get-health`.

fn main() -> std::process::ExitCode {
    functions::native::health::main()
}
