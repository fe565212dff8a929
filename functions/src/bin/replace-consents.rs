//! Lambda `replace-consents`.

fn main() -> std::process::ExitCode {
    functions::consents::replace_own::main()
}
