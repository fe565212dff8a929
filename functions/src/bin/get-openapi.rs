//! Lambda `get-openapi`.

fn main() -> std::process::ExitCode {
    functions::native::openapi::main()
}
