//! Lambda `list-user-takeouts`.

fn main() -> std::process::ExitCode {
    functions::takeouts::list::main()
}
