//! Lambda `show-docs`.

fn main() -> std::process::ExitCode {
    functions::native::docs::main()
}
