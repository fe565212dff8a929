//! Lambda `remove-client`.

fn main() -> std::process::ExitCode {
    functions::clients::remove::main()
}
