//! Lambda `show-takeout`.

fn main() -> std::process::ExitCode {
    functions::takeouts::show::main()
}
