//! Lambda `request-user-deletion`.

fn main() -> std::process::ExitCode {
    functions::deletions::request::main()
}
