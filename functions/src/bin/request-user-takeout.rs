//! Lambda `request-user-takeout`.

fn main() -> std::process::ExitCode {
    functions::takeouts::request::main()
}
