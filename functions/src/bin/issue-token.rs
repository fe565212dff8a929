//! Lambda `issue-token`.

fn main() -> std::process::ExitCode {
    functions::deletions::token::main()
}
