//! Lambda `delete-client`.

fn main() -> std::process::ExitCode {
    functions::clients::delete::main()
}
