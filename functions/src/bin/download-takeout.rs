//! Lambda `download-takeout`.

fn main() -> std::process::ExitCode {
    functions::takeouts::download_own::main()
}
