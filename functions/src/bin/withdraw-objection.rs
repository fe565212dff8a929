//! Lambda `withdraw-objection`.

fn main() -> std::process::ExitCode {
    functions::processing::withdraw::main()
}
