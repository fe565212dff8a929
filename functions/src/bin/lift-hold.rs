//! Lambda `lift-hold`.

fn main() -> std::process::ExitCode {
    functions::holds::lift::main()
}
