//! Lambda `check-deadlines`.

fn main() -> std::process::ExitCode {
    functions::upkeep::deadlines::main()
}
