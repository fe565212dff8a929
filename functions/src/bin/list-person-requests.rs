//! Lambda `list-person-requests`.

fn main() -> std::process::ExitCode {
    functions::pdr::list::main()
}
