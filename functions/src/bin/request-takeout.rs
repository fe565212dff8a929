//! Lambda `request-takeout`.

fn main() -> std::process::ExitCode {
    functions::takeouts::request_own::main()
}
