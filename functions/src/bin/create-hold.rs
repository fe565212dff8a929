//! Lambda `create-hold`.

fn main() -> std::process::ExitCode {
    functions::holds::create::main()
}
