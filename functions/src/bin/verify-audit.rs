//! Lambda `verify-audit`.

fn main() -> std::process::ExitCode {
    functions::audit::verify::main()
}
