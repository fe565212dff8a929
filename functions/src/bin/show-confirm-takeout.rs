//! Lambda `show-confirm-takeout`.

fn main() -> std::process::ExitCode {
    functions::takeouts::confirm_page::main()
}
