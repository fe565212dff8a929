//! Lambda `scan-attachments`.

fn main() -> std::process::ExitCode {
    functions::attachments::scan::main()
}
