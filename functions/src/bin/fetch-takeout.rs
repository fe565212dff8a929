//! Lambda `fetch-takeout`.

fn main() -> std::process::ExitCode {
    functions::takeouts::fetch::main()
}
