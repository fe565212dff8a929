//! Lambda `get-hold`.

fn main() -> std::process::ExitCode {
    functions::holds::get::main()
}
