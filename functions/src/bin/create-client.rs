//! Lambda `create-client`.

fn main() -> std::process::ExitCode {
    functions::clients::create::main()
}
