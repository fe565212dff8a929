//! Lambda `check-identities`.

fn main() -> std::process::ExitCode {
    functions::native::check::main()
}
