//! Lambda `get-plan`.

fn main() -> std::process::ExitCode {
    functions::plans::get::main()
}
