//! Lambda `get-person-request`.

fn main() -> std::process::ExitCode {
    functions::pdr::get::main()
}
