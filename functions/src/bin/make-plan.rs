//! Lambda `make-plan`.

fn main() -> std::process::ExitCode {
    functions::plans::make::main()
}
