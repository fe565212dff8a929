//! Lambda `list-holds`.

fn main() -> std::process::ExitCode {
    functions::holds::list::main()
}
