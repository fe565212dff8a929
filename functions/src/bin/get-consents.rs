//! Lambda `get-consents`.

fn main() -> std::process::ExitCode {
    functions::consents::get_own::main()
}
