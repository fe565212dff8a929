//! Lambda `get-audit`.

fn main() -> std::process::ExitCode {
    functions::audit::get::main()
}
