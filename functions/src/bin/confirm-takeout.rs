//! Lambda `confirm-takeout`.

fn main() -> std::process::ExitCode {
    functions::takeouts::confirm::main()
}
