//! Lambda `build-takeout`.

fn main() -> std::process::ExitCode {
    functions::takeouts::build::main()
}
