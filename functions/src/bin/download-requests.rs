//! Lambda `download-requests`.

fn main() -> std::process::ExitCode {
    functions::console::export::main()
}
