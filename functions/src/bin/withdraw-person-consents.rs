//! Lambda `withdraw-person-consents`.

fn main() -> std::process::ExitCode {
    functions::consents::withdraw::main()
}
