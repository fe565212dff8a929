//! Lambda `withdraw-consents`.

fn main() -> std::process::ExitCode {
    functions::consents::withdraw_own::main()
}
