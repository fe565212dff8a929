//! Lambda `resume-stalled`.

fn main() -> std::process::ExitCode {
    functions::upkeep::resume::main()
}
