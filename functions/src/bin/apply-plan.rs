//! Lambda `apply-plan`.

fn main() -> std::process::ExitCode {
    functions::plans::apply::main()
}
