//! Lambda `note-changes`.

fn main() -> std::process::ExitCode {
    functions::audit::note::main()
}
