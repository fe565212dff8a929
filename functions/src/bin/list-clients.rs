//! Lambda `list-clients`.

fn main() -> std::process::ExitCode {
    functions::clients::list::main()
}
