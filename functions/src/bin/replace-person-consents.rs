//! Lambda `replace-person-consents`.

fn main() -> std::process::ExitCode {
    functions::consents::replace::main()
}
