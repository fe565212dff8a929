//! Lambda `keep-attachments`.

fn main() -> std::process::ExitCode {
    functions::attachments::keep()
}
