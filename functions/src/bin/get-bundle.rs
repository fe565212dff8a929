//! Lambda `get-bundle`.

fn main() -> std::process::ExitCode {
    functions::audit::bundle::main()
}
