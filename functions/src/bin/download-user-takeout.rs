//! Lambda `download-user-takeout`.

fn main() -> std::process::ExitCode {
    functions::takeouts::download::main()
}
