//! Lambda `list-takeouts`.

fn main() -> std::process::ExitCode {
    functions::takeouts::list_own::main()
}
