//! Lambda `list-keys`.

fn main() -> std::process::ExitCode {
    functions::certificates::list_keys::main()
}
