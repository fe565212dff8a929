//! Lambda `list-requests`.

fn main() -> std::process::ExitCode {
    functions::native::list_requests::main()
}
