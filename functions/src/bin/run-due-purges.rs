//! Lambda `run-due-purges`.

fn main() -> std::process::ExitCode {
    functions::purges::run_due::main()
}
