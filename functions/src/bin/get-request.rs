//! Lambda `get-request`.

fn main() -> std::process::ExitCode {
    functions::native::get_request::main()
}
