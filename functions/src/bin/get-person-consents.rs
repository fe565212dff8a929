//! Lambda `get-person-consents`.

fn main() -> std::process::ExitCode {
    functions::consents::get::main()
}
